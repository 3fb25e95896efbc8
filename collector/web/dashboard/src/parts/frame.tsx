import { useState } from "preact/hooks";
import type { Me } from "../api";
import type { Connection } from "../feed";
import { isDark, isLargeText, setLargeText, setTheme } from "../prefs";
import { followLink } from "../router";
import { Menu } from "./menu";

const connectionWord: Record<Connection, string> = {
  off: "",
  connecting: "Connecting",
  live: "Live",
  lost: "Connection lost. Trying again",
};

// "Safeguarding governor" needs no ", Governor".
const saysRole = (me: Me): boolean => me.display_name.toLowerCase().includes(me.role_title.toLowerCase());

export function Header({ me, path, inside, connection, waiting, onLogOut }: {
  me: Me; path: string; inside: boolean; connection: Connection; waiting: number; onLogOut: () => void;
}) {
  const pages: [string, string][] = [];
  if (inside) {
    if (me.may.alerts) pages.push(["/", me.may.alert ? "Today" : "Incidents"]);
    if (me.may.write) pages.push(["/names", waiting ? `Names (${waiting} for you)` : "Names"]);
    if (me.may.write) pages.push(["/passes", "Lesson passes"]);
    if (me.may.write) pages.push(["/contacts", "Whom to tell"]);
    if (me.may.report) pages.push(["/reports", "Reports"]);
    if (me.may.reviews) pages.push(["/reviews", me.reviews_due ? `Reviews (${me.reviews_due} due)` : "Reviews"]);
    if (me.may.budget) pages.push(["/precision", "How often right"]);
    if (me.may.devices) pages.push(["/devices", "Devices"]);
    if (me.may.audit) pages.push(["/audit", "Who looked at what"]);
    if (me.may.records) pages.push(["/records", "Requests for a record"]);
    if (me.may.own_record) pages.push(["/my-record", "My record"]);
    pages.push(["/notice", "What is recorded"]);
  }
  const current = (page: string) => page === path || (page === "/" && path.startsWith("/alerts/"))
    || (page === "/notice" && path === "/set-up");
  return (
    <header class="header">
      <div class="width header-row">
        <a class="brand" href="/" onClick={followLink}>Schoolgate</a>
        <span class="header-who">
          {connection !== "off" && (
            <span class={`connection connection-${connection}`} role="status" data-connection={connection}>
              {connectionWord[connection]}
            </span>
          )}
          <span class="header-name">{saysRole(me) ? me.display_name : `${me.display_name}, ${me.role_title}`}</span>
          <button class="link-button" onClick={onLogOut}>Log out</button>
        </span>
      </div>
      {pages.length > 0 && (
        <Menu
          path={path} waiting={waiting + (me.may.reviews ? me.reviews_due ?? 0 : 0)}
          pages={pages.map(([page, name]) => ({ path: page, name, current: current(page) }))}
        />
      )}
    </header>
  );
}

export function Footer({ onHelp }: { onHelp?: () => void }) {
  const [, redraw] = useState(0);
  const dark = isDark();
  const large = isLargeText();
  return (
    <footer class="footer">
      <div class="width footer-row">
        <p>
          Schoolgate sees which hosts a school device contacted. It cannot see pages, typed words or messages, and no
          filter catches everything.
        </p>
        <p class="footer-links">
          <button class="link-button" onClick={() => { setTheme(dark ? "light" : "dark"); redraw((n) => n + 1); }}>
            {dark ? "Light colours" : "Dark colours"}
          </button>
          <button class="link-button" aria-pressed={large} onClick={() => { setLargeText(!large); redraw((n) => n + 1); }}>
            Larger text
          </button>
          {onHelp && <button class="link-button" onClick={onHelp}>Keyboard shortcuts</button>}
          {onHelp && <a href="/password" onClick={followLink}>Password and code</a>}
        </p>
      </div>
    </footer>
  );
}
