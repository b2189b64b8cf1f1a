// SPDX-License-Identifier: AGPL-3.0-or-later

import { say } from "../shared/say";

// Boxes of rows that belong to a form elsewhere (<input type="checkbox" form="…">): the form's data-pick-count, "Ticked: {n} of {all}", tells
// how many are ticked, and its link data-pick-all ticks all without loading the page anew.
export function picks(): void {
  for (const place of document.querySelectorAll<HTMLElement>("form [data-pick-count]")) {
    const form = place.closest("form");
    if (!form) continue;
    const boxes = [...form.elements].filter((e): e is HTMLInputElement => e instanceof HTMLInputElement && e.type === "checkbox");
    const before = place.textContent ?? "";
    const count = (aloud: boolean) => {
      const n = boxes.filter((b) => b.checked).length;
      place.textContent = n === 0 ? before : (place.dataset["pickCount"] ?? "").replace("{n}", String(n)).replace("{all}", String(boxes.length));
      if (aloud) say(place.textContent);
    };
    for (const box of boxes) box.addEventListener("change", () => count(true));
    form.querySelector<HTMLAnchorElement>("[data-pick-all]")?.addEventListener("click", (event) => {
      event.preventDefault();
      for (const box of boxes) box.checked = true;
      count(true);
    });
    window.addEventListener("pageshow", () => count(false)); // a browser that comes back keeps what was ticked
    count(false);
  }
}
