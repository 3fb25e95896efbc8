// A class at work: what it is refused now, as long as somebody looks.
import { useEffect, useState } from "preact/hooks";
import { get, sorry, type ClassNow, type Passes } from "../api";
import { shortTime } from "../time";
import { capital, categoryWord } from "../words";
import { ErrorSummary } from "./bits";

const refreshMs = 5000;

const reportWord: Record<ClassNow["reports"][number]["what"], string> = {
  accident: "landed there by accident",
  should_open: "asks for it to be opened",
  filter_missed: "says it should be blocked",
  other: "reported it",
};

export function ClassAtWork({ groups }: { groups: Passes["groups"] }) {
  const [group, setGroup] = useState("");
  const [now, setNow] = useState<ClassNow | null>(null);
  const [error, setError] = useState("");
  useEffect(() => {
    setNow(null);
    if (!group) return;
    // An answer about a group that is no longer chosen comes too late.
    let chosen = true;
    const load = (background: boolean) =>
      get<ClassNow>(`/api/v1/class?group=${encodeURIComponent(group)}`, background).then(
        (fresh) => { if (chosen) { setNow(fresh); setError(""); } },
        (problem) => { if (chosen) setError(sorry(problem)); });
    void load(false);
    const timer = setInterval(() => void load(true), refreshMs);
    return () => { chosen = false; clearInterval(timer); };
  }, [group]);
  return (
    <section aria-labelledby="class-title">
      <h2 class="heading-m" id="class-title">A class at work</h2>
      <p class="field">
        <label for="class-group">Class or group</label>
        <span class="hint" id="class-hint">What it is refused now. The class is shown, nobody in it.</span>
        <select id="class-group" aria-describedby="class-hint" value={group} onChange={(event) => setGroup(event.currentTarget.value)}>
          <option value="">Choose a group</option>
          {groups.map((one) => <option key={one.id} value={one.id}>{capital(one.title)}</option>)}
        </select>
      </p>
      <ErrorSummary message={error} />
      {now && <Shown now={now} />}
    </section>
  );
}

function Shown({ now }: { now: ClassNow }) {
  const quiet = now.refused.length === 0 && now.reports.length === 0 && now.elsewhere === 0;
  return (
    <div data-class-now>
      {quiet && <p>Nothing was refused or reported in the last {now.minutes} minutes.</p>}
      {now.refused.length > 0 && (
        <table class="table">
          <caption>Refused in the last {now.minutes} minutes</caption>
          <thead>
            <tr><th scope="col">Host</th><th scope="col">Kind</th><th scope="col">Devices</th><th scope="col">Last</th></tr>
          </thead>
          <tbody>
            {now.refused.map((one) => (
              <tr key={one.host}>
                <th scope="row">{one.host}</th>
                <td data-label="Kind">{categoryWord(one.category)}</td>
                <td data-label="Devices">{one.devices}</td>
                <td data-label="Last">{shortTime(one.last)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {now.reports.length > 0 && (
        <ul>
          {now.reports.map((one, number) => (
            <li key={number}>{shortTime(one.time)}: somebody {reportWord[one.what]}{one.host ? `: ${one.host}` : ""}</li>
          ))}
        </ul>
      )}
      {now.elsewhere > 0 && <p class="hint">Something more was refused that does not belong on a screen in a classroom. It is under Today, if it matters.</p>}
      {now.more && <p class="hint">The school is very busy: this is the newest of it.</p>}
    </div>
  );
}
