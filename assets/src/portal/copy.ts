// SPDX-License-Identifier: AGPL-3.0-or-later

import { say } from "../shared/say";

// <button data-copy="id of an input" data-copied="word for done">: copies, says so, and shows the word for two seconds.
export function copyButtons(): void {
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLButtonElement>("button[data-copy]") : null;
    if (!button) return;
    const field = document.getElementById(button.dataset["copy"] ?? "");
    if (!(field instanceof HTMLInputElement) && !(field instanceof HTMLTextAreaElement)) return;
    void copy(field).then((done) => {
      if (!done) return;
      const label = button.querySelector("span");
      const word = button.dataset["copied"] ?? "";
      say(word);
      if (!label || button.dataset["was"] !== undefined) return;
      button.dataset["was"] = label.textContent ?? "";
      label.textContent = word;
      setTimeout(() => {
        label.textContent = button.dataset["was"] ?? "";
        delete button.dataset["was"];
      }, 2000);
    });
  });
}

// Without https the clipboard is closed to scripts; the text is selected then, ready for the person's own copy.
async function copy(field: HTMLInputElement | HTMLTextAreaElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    field.focus();
    field.select();
    return false;
  }
}
