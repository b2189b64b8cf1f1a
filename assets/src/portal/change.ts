// SPDX-License-Identifier: AGPL-3.0-or-later

// <form data-submit-on-change>: sends itself once a choice was made with the pointer or with Enter. Moving through a list by
// arrow keys does not send it (WCAG 3.2.2).
export function submitOnChange(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-submit-on-change]")) {
    let byKey = false;
    form.addEventListener("keydown", (event) => {
      byKey = event.key.startsWith("Arrow") || event.key.length === 1;
    });
    form.addEventListener("pointerdown", () => {
      byKey = false;
    });
    form.addEventListener("change", () => {
      if (!byKey) form.requestSubmit();
    });
    form.addEventListener("keyup", (event) => {
      if (event.key === "Enter" && event.target instanceof HTMLSelectElement && byKey === false) form.requestSubmit();
    });
  }
}
