// SPDX-License-Identifier: AGPL-3.0-or-later

// <a data-dialog="id" href="page that asks the same">: opens the dialog instead. The browser moves focus in, keeps it there,
// closes on Escape and gives focus back.
export function dialogs(): void {
  document.addEventListener("click", (event) => {
    const opener = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-dialog]") : null;
    const dialog = opener && document.getElementById(opener.dataset["dialog"] ?? "");
    if (!(dialog instanceof HTMLDialogElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    dialog.showModal();
  });
}
