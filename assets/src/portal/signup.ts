// SPDX-License-Identifier: AGPL-3.0-or-later

// The sign-up form: tells the browser's time zone, and does the proof of work while the person types. Without
// scripts the form is sent as it is; the server then waits longer or sends a letter more.
export function signUp(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-signup]");
  if (!form) return;
  const zone = form.querySelector<HTMLInputElement>("[data-zone]");
  if (zone && !zone.value) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const bits = Number(form.dataset["workBits"] ?? 0);
  const stamp = form.querySelector<HTMLInputElement>("[name=stamp]")?.value ?? "";
  const field = form.querySelector<HTMLInputElement>("[name=work]");
  if (!bits || !stamp || !field) return;

  let done: Promise<void> | undefined;
  const begin = () =>
    (done ??= import("./proof").then(async ({ findWork }) => {
      field.value = await findWork(stamp, bits);
    }));
  form.addEventListener("focusin", () => void begin(), { once: true });
  form.addEventListener("submit", (event) => {
    if (field.value) return;
    event.preventDefault();
    const submitter = event.submitter instanceof HTMLButtonElement ? event.submitter : undefined;
    submitter?.setAttribute("aria-busy", "true");
    void begin().finally(() => form.requestSubmit(submitter));
  });
}
