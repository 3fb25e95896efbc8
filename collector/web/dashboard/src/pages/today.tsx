import { useEffect, useRef, useState } from "preact/hooks";
import { post, type Alert, type Me, type WholeAlert } from "../api";
import type { Feed } from "../feed";
import { Acknowledge } from "../parts/acknowledge";
import { StateTag, Title } from "../parts/bits";
import { useKeys } from "../parts/keys";
import { followLink, leftAlert } from "../router";
import { ago, fullTime, today, useMinutes } from "../time";
import { severities, severityHint, severityWord } from "../words";

// What is new comes first, then the newest.
const order = (a: Alert, b: Alert) =>
  Number(b.state === "new") - Number(a.state === "new") || (a.raised < b.raised ? 1 : -1);

function summary(open: Alert[]): string {
  const fresh = open.filter((alert) => alert.state === "new").length;
  const rest = open.length - fresh;
  const count = (n: number, one: string, many: string) => (n === 1 ? `1 ${one}` : `${n} ${many}`);
  const parts = [];
  if (fresh) parts.push(count(fresh, "new alert", "new alerts"));
  if (rest) parts.push(count(rest, "you already know about", "you already know about"));
  const illegal = open.some((alert) => alert.locked && alert.state === "new");
  return `${parts.join(", ")}.${illegal ? " Start with the one about illegal material." : ""}`;
}

export function TodayPage({ me, feed }: { me: Me; feed: Feed }) {
  const [closed, setClosed] = useState(false);
  const [acknowledging, setAcknowledging] = useState<Alert | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const next = useRef<number | null>(null);
  useMinutes();

  const all = [...feed.alerts.values()].sort(order);
  const everyOpen = all.filter((alert) => alert.state !== "closed");
  const open = everyOpen.filter((alert) => !feed.waits(alert));
  const waiting = everyOpen.filter(feed.waits);
  const shown = closed ? all.filter((alert) => alert.state === "closed") : open;

  const links = () => [...(list.current?.querySelectorAll<HTMLAnchorElement>("a.alert-link") ?? [])]
    .filter((link) => !link.closest("details:not([open])"));
  const move = (by: number) => {
    const all = links();
    const at = all.findIndex((link) => link === document.activeElement);
    const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
    all[next]?.focus();
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    a: () => {
      const id = Number((document.activeElement as HTMLElement | null)?.dataset.alert);
      const alert = feed.alerts.get(id);
      if (me.may.write && alert?.state === "new") setAcknowledging(alert);
    },
  });

  // What is known moves down: whoever goes on has to find the next new one
  // under their fingers.
  const acknowledge = async (note: string) => {
    const id = acknowledging!.id;
    const ids = links().map((link) => Number(link.dataset.alert));
    const isNew = (one: number) => one !== id && feed.alerts.get(one)?.state === "new";
    const changed = await post<WholeAlert>(`/api/v1/alerts/${id}/state`, { state: "seen", note });
    next.current = ids.slice(ids.indexOf(id)).find(isNew) ?? id;
    feed.put(changed);
    setAcknowledging(null);
  };
  // The dialog gives the focus back first.
  useEffect(() => {
    if (acknowledging || next.current === null) return;
    links().find((link) => link.dataset.alert === String(next.current))?.focus();
    next.current = null;
  }, [acknowledging]);

  // Back from an alert: on with the list from there.
  useEffect(() => {
    if (!feed.loaded) return;
    const from = leftAlert();
    if (from) links().find((link) => link.dataset.alert === String(from))?.focus();
  }, [feed.loaded]);

  return (
    <>
      <Title tab={open.some((alert) => alert.state === "new") ? `(${open.filter((a) => a.state === "new").length}) Today` : "Today"}>
        Today
      </Title>
      <p class="sub">{today()}</p>
      <p class="count" role="status">{feed.loaded && open.length > 0 ? summary(open) : ""}</p>
      {feed.error && <div class="error-summary" role="alert"><p>{feed.error}</p></div>}
      <p class="announce" aria-live="polite">
        {feed.latest && !feed.waits(feed.latest) ? `New alert, ${severityWord[feed.latest.severity]}: ${feed.latest.title}` : ""}
      </p>
      <p class="filter">
        <button class="filter-button" aria-pressed={!closed} onClick={() => setClosed(false)}>Open</button>
        <button class="filter-button" aria-pressed={closed}
          onClick={() => { setClosed(true); if (!feed.includesClosed) feed.loadAll(); }}>Closed</button>
        <span class="hint wide-only">Press <kbd>j</kbd> and <kbd>k</kbd> to move, <kbd>?</kbd> for help</span>
      </p>
      {feed.loaded && shown.length === 0 && (!closed ? <Quiet />
        : feed.includesClosed ? <p>Nothing has been closed yet.</p> : <p class="loading">Loading</p>)}
      <div ref={list}>
        {severities.map((severity) => {
          const alerts = shown.filter((alert) => alert.severity === severity);
          if (alerts.length === 0) return null;
          return (
            <section key={severity} class="group">
              <h2 class="heading-m">
                {severityWord[severity]} <span class="group-count">{alerts.length}</span>
              </h2>
              {!closed && <p class="hint">{severityHint[severity]}</p>}
              <ul class="alerts">
                {alerts.map((alert) => <AlertCard key={alert.id} alert={alert} />)}
              </ul>
            </section>
          );
        })}
        {!closed && waiting.length > 0 && (
          <details class="waiting">
            <summary>In the daily digest <span class="group-count">{waiting.length}</span></summary>
            <p class="hint">
              Nothing here needs you now: it is no pattern of several days yet, or of a kind that two of you moved here.
            </p>
            <ul class="alerts">
              {waiting.map((alert) => <AlertCard key={alert.id} alert={alert} />)}
            </ul>
          </details>
        )}
      </div>
      {acknowledging && (
        <Acknowledge alert={acknowledging} onSave={acknowledge} onClose={() => setAcknowledging(null)} />
      )}
    </>
  );
}

function AlertCard({ alert }: { alert: Alert }) {
  return (
    <li class={`alert alert-${alert.severity} alert-${alert.state}`}>
      <div class="alert-tags">
        <StateTag state={alert.state} />
        <span class="alert-time" title={fullTime(alert.raised)}>{ago(alert.raised)}</span>
      </div>
      <h3 class="heading-s">
        <a class="alert-link" href={`/alerts/${alert.id}`} data-alert={alert.id} onClick={followLink}>{alert.title}</a>
      </h3>
      <p>{alert.sentence}</p>
      {alert.locked
        ? <p class="next"><b>Stop. Do not look.</b> Open this alert for what to do now.</p>
        : alert.next_step && alert.state !== "closed" && <p class="next"><b>What to do next:</b> {alert.next_step}</p>}
      {(alert.late || alert.note_count > 0) && (
        <p class="hint">
          {alert.late && "Reached us late: the device was offline. "}
          {alert.note_count > 0 && (alert.note_count === 1 ? "1 note" : `${alert.note_count} notes`)}
        </p>
      )}
    </li>
  );
}

function Quiet() {
  return (
    <div class="quiet">
      <h2 class="heading-m">Nothing needs you right now</h2>
      <p>
        New alerts appear here by themselves, within a second of being raised. You can close this page: nothing is lost
        while you are away.
      </p>
    </div>
  );
}
