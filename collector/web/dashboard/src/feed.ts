// The alerts that are known, kept up to date by the server.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, sorry, type Alert, type AlertList } from "./api";

export type Connection = "off" | "connecting" | "live" | "lost";

export interface Feed {
  alerts: Map<number, Alert>;
  loaded: boolean;
  error: string;
  connection: Connection;
  latest: Alert | null; // the newest one that came in live, for announcing
  includesClosed: boolean;
  // No pattern of several days yet, or of a kind that two people moved to the digest.
  waits: (alert: Alert) => boolean;
  loadAll: () => void;
  put: (alert: Alert) => void;
}

export function useFeed(on: boolean, live: boolean, onOver: () => void): Feed {
  const [alerts, setAlerts] = useState<Map<number, Alert>>(new Map());
  const [loaded, setLoaded] = useState(false);
  const [error, setError] = useState("");
  const [connection, setConnection] = useState<Connection>("off");
  const [latest, setLatest] = useState<Alert | null>(null);
  const [includesClosed, setIncludesClosed] = useState(false);
  const [digest, setDigest] = useState<string[]>([]);
  const [listed, setListed] = useState<string[]>([]);
  // Asked for once, they stay, also when the connection was lost between.
  const withClosed = useRef(false);
  const source = useRef<EventSource | null>(null);
  const over = useRef(onOver);
  over.current = onOver;

  const put = (alert: Alert) =>
    setAlerts((old) => {
      const known = old.get(alert.id);
      if (known && known.revision > alert.revision) return old;
      return new Map(old).set(alert.id, alert);
    });

  const load = async (all: boolean, background: boolean): Promise<number> => {
    const list = await get<AlertList>(`/api/v1/alerts${all ? "?all=1" : ""}`, background);
    setAlerts(new Map(list.alerts.map((alert) => [alert.id, alert])));
    setDigest(list.digest_kinds);
    setListed(list.list_kinds);
    setLoaded(true);
    withClosed.current = all;
    setIncludesClosed(all);
    setError("");
    return list.revision;
  };

  useEffect(() => {
    if (!on) return;
    let ended = false;
    let retry: ReturnType<typeof setTimeout> | undefined;

    const listen = (after: number) => {
      if (ended || !live) return;
      setConnection("connecting");
      const stream = new EventSource(`/api/v1/live?after=${after}`);
      source.current = stream;
      stream.addEventListener("open", () => setConnection("live"));
      stream.addEventListener("alert", (event) => {
        const alert = JSON.parse((event as MessageEvent<string>).data) as Alert;
        put(alert);
        if (alert.state === "new") setLatest(alert);
      });
      stream.addEventListener("reload", () => void load(withClosed.current, true).catch(() => {}));
      stream.addEventListener("over", () => over.current());
      stream.addEventListener("error", () => {
        if (ended) return;
        setConnection("lost");
        // CLOSED: refused, and the browser will not try again by itself.
        if (stream.readyState === EventSource.CLOSED) {
          retry = setTimeout(start, 3000);
        }
      });
    };

    const start = () => {
      load(withClosed.current, true).then(listen, (problem) => {
        if (ended) return;
        setError(sorry(problem));
        setConnection("lost");
        retry = setTimeout(start, 5000);
      });
    };

    start();
    return () => {
      ended = true;
      clearTimeout(retry);
      source.current?.close();
      setAlerts(new Map());
      withClosed.current = false;
      setIncludesClosed(false);
      setLoaded(false);
      setLatest(null);
      setConnection("off");
    };
  }, [on, live]);

  return {
    alerts, loaded, error, connection, latest, includesClosed, put,
    waits: (alert) => {
      const kind = `${alert.rule}/${alert.category}`;
      return !alert.locked && (digest.includes(kind) || (alert.rule === "thin_pattern" && !listed.includes(kind)));
    },
    loadAll: () => void load(true, false).catch((problem) => setError(sorry(problem))),
  };
}
