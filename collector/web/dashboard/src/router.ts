// Which page is shown: the path, without a library.
import { useLayoutEffect, useState } from "preact/hooks";

const moved = new EventTarget();

// The page that "go" last left.
let left = "";

// The alert from whose page the reader went to this one, if so. Told once.
export function leftAlert(): number {
  const found = /^\/alerts\/([0-9]+)$/.exec(left);
  left = "";
  return found ? Number(found[1]) : 0;
}

export function go(path: string): void {
  left = location.pathname;
  if (path !== location.pathname) history.pushState(null, "", path);
  moved.dispatchEvent(new Event("move"));
  scrollTo(0, 0);
}

// As if the person had gone there in the first place.
export function goInstead(path: string): void {
  history.replaceState(null, "", path);
  moved.dispatchEvent(new Event("move"));
}

export function usePath(): string {
  const [path, setPath] = useState(location.pathname);
  useLayoutEffect(() => {
    const update = () => setPath(location.pathname);
    moved.addEventListener("move", update);
    addEventListener("popstate", update);
    return () => {
      moved.removeEventListener("move", update);
      removeEventListener("popstate", update);
    };
  }, []);
  return path;
}

// For onClick of our own links: leaves new tabs and the like to the browser.
export function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) {
    return;
  }
  const link = event.currentTarget as HTMLAnchorElement;
  event.preventDefault();
  go(link.pathname);
}
