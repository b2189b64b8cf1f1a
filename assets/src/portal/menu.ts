// SPDX-License-Identifier: AGPL-3.0-or-later

// Menus and the member switcher are <details>: they close on Escape, on a press elsewhere, and when focus leaves.
export function menus(): void {
  const open = () => document.querySelectorAll<HTMLDetailsElement>("details.menu[open], details.hats[open]");
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of open()) {
      menu.open = false;
      menu.querySelector("summary")?.focus();
    }
  });
  const closeOthers = (event: Event) => {
    for (const menu of open()) {
      if (event.target instanceof Node && !menu.contains(event.target)) menu.open = false;
    }
  };
  document.addEventListener("pointerdown", closeOthers);
  document.addEventListener("focusin", closeOthers);
}
