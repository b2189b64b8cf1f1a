// SPDX-License-Identifier: AGPL-3.0-or-later

// say tells screen readers a result, politely, in the one region #say; alarm interrupts. The region is emptied first,
// so that the same sentence twice is said twice.
export function say(text: string, region: "say" | "alarm" = "say"): void {
  const place = document.getElementById(region);
  if (!place) return;
  place.textContent = "";
  requestAnimationFrame(() => {
    place.textContent = text;
  });
}
