// The way to all pages: a line of links, on a phone one button that opens them.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { followLink } from "../router";

export type PageLink = { path: string; name: string; current: boolean };

// `waiting`: how much there is for the reader to do behind these links.
export function Menu({ pages, path, waiting }: { pages: PageLink[]; path: string; waiting: number }) {
  const [open, setOpen] = useState(false);
  const nav = useRef<HTMLElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => setOpen(false), [path]);
  // Who taps beside it as soon as it is seen means that too.
  useLayoutEffect(() => {
    if (!open) return;
    const outside = (event: Event) => {
      if (!nav.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [open]);
  const escape = (event: KeyboardEvent) => {
    if (!open || event.key !== "Escape") return;
    setOpen(false);
    button.current?.focus();
  };
  const follow = (event: MouseEvent) => {
    followLink(event);
    // Also for the page that is shown already.
    if (event.defaultPrevented) setOpen(false);
  };
  return (
    <nav class="nav" aria-label="Pages" ref={nav} onKeyDown={escape}>
      <div class="width menu-line">
        <button
          ref={button} class="menu-button" aria-expanded={open} aria-controls="pages"
          onClick={() => setOpen(!open)}
        >
          <span class="menu-sign" aria-hidden="true" />
          Menu{waiting > 0 && <span class="menu-waiting">({waiting}<span class="hidden"> waiting</span>)</span>}
        </button>
      </div>
      <ul id="pages" class={open ? "width open" : "width"}>
        {pages.map(({ path: page, name, current }) => (
          <li key={page}>
            <a href={page} onClick={follow} aria-current={current ? "page" : undefined}>{name}</a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
