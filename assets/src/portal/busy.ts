// SPDX-License-Identifier: AGPL-3.0-or-later

// A form that is on its way is not sent again: the pressed button turns busy, keeping its width, and further presses do nothing.
// Coming back by the browser's history wakes it up again.
export function busyForms(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.method !== "post" || event.defaultPrevented) return;
    const submitter = event.submitter;
    if (submitter instanceof HTMLButtonElement && submitter.formMethod === "dialog") return;
    if (form.dataset["busy"] === "true") {
      event.preventDefault();
      return;
    }
    form.dataset["busy"] = "true";
    if (submitter instanceof HTMLButtonElement) submitter.setAttribute("aria-busy", "true");
  });
  const wake = () => {
    for (const form of document.querySelectorAll<HTMLFormElement>("form[data-busy]")) delete form.dataset["busy"];
    for (const button of document.querySelectorAll("[aria-busy=true]")) button.removeAttribute("aria-busy");
  };
  window.addEventListener("pageshow", wake);
  document.addEventListener("htmx:finally:request", wake);
}
