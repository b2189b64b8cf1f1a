// SPDX-License-Identifier: AGPL-3.0-or-later

// <div id data-live-list="/stream" data-from="/page">: whenever the stream says something, the block is asked for again and put in place,
// unless somebody is busy inside it; with data-now at once too. A tab hidden for a minute closes its stream and catches up when it is looked at again.
const hiddenForMS = 60_000;

export function liveLists(): void {
  for (const list of document.querySelectorAll<HTMLElement>("[data-live-list]")) follow(list);
}

function follow(list: HTMLElement): void {
  const stream = list.dataset["liveList"];
  const from = list.dataset["from"];
  if (!stream || !from) return;
  let source: EventSource | undefined;
  let away: number | undefined;

  const refresh = () => void replace(list, from);
  const open = () => {
    source = new EventSource(stream);
    source.addEventListener("rooms", refresh);
  };
  document.addEventListener("visibilitychange", () => {
    clearTimeout(away);
    if (document.hidden) {
      away = window.setTimeout(() => {
        source?.close();
        source = undefined;
      }, hiddenForMS);
    } else if (!source) {
      open();
      refresh();
    }
  });
  open();
  if ("now" in list.dataset) refresh();
}

async function replace(list: HTMLElement, from: string): Promise<void> {
  const answer = await fetch(from, { headers: { "HX-Request": "true" } }).catch(() => undefined);
  if (!answer?.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body;
  if (list.querySelector("details[open]")) return; // a menu is open: the next event tries again
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const way = focused && pathOf(focused, list);
  list.replaceChildren(...fresh.childNodes);
  if (way) document.querySelector<HTMLElement>(way)?.focus();
}

// pathOf finds a control again after its card was drawn anew: the nearest id above it, and where it leads.
function pathOf(focused: Element, list: Element): string | undefined {
  if (focused.id) return `#${CSS.escape(focused.id)}`;
  const holder = focused.closest("[id]");
  if (!holder || holder === list) return undefined;
  const href = focused.getAttribute("href");
  return `#${CSS.escape(holder.id)} ${focused.tagName.toLowerCase()}${href ? `[href="${CSS.escape(href)}"]` : ""}`;
}
