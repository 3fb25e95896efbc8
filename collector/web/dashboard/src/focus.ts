// Keeps the focus near when what had it goes away with what it did: nobody who
// uses the keys or a screen reader begins again at the top of the page.

const places = "tr, li, section, article, main";
const names = "h1, h2, h3, th[scope=row]";

// The name of the place that is nearest to where the focus was.
function nearest(path: Element[]): HTMLElement | null {
  for (const place of path) {
    if (!place.isConnected || !place.matches(places)) continue;
    const name = place.querySelector<HTMLElement>(names);
    if (name) return name;
  }
  return null;
}

export function keepFocusNear(): () => void {
  let path: Element[] = [];
  // Had the focus when it was switched off, for as long as it works.
  let paused: Element | null = null;
  const lost = () => !document.activeElement || document.activeElement === document.body;
  const remember = (event: FocusEvent) => {
    paused = null;
    path = event.composedPath().filter((one): one is Element => one instanceof Element);
  };
  const look = (changes: MutationRecord[]) => {
    const [had] = path;
    if (!had) return;
    if (!had.isConnected) {
      if (!lost()) return;
      const name = nearest(path);
      path = [];
      if (!name) return;
      if (!name.hasAttribute("tabindex")) name.tabIndex = -1;
      name.focus();
    } else if (changes.some((change) => change.target === had && change.type === "attributes")) {
      if (had.matches(":disabled")) paused = had;
      else if (paused === had && lost()) (had as HTMLElement).focus();
    }
  };
  const observer = new MutationObserver(look);
  addEventListener("focusin", remember);
  observer.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["disabled"] });
  return () => {
    removeEventListener("focusin", remember);
    observer.disconnect();
  };
}
