// SPDX-License-Identifier: AGPL-3.0-or-later

import { say } from "../shared/say";

// After htmx swapped a piece of a page: if what had the focus is still there, it keeps it; else the first error or the heading of the
// new piece gets it. A piece with data-say has its result said.
export function focusAfterSwap(): void {
  document.addEventListener("htmx:after:swap", (event) => {
    const target = event.target instanceof Element ? event.target : document.body;
    const spoken = target.closest<HTMLElement>("[data-say]") ?? target.querySelector<HTMLElement>("[data-say]");
    if (spoken?.dataset["say"]) say(spoken.dataset["say"]);
    if (document.activeElement && document.activeElement !== document.body) return;
    if (!target.hasAttribute("data-focus") && !target.querySelector("#errors")) return;
    const next = target.querySelector<HTMLElement>("#errors, [aria-invalid=true], h1, h2, h3");
    if (!next) return;
    if (!next.matches("input, select, textarea, [tabindex]")) next.tabIndex = -1;
    next.focus();
  });
}
