import { useEffect, useState } from "preact/hooks";
import { get, sorry, type AuditEntry, type AuditPage as Answer } from "../api";
import { ErrorSummary, Title } from "../parts/bits";
import { ago, clockWord, dayWord } from "../time";
import { auditSentence, times } from "../words";

interface Line {
  time: string;
  who: string;
  what: string;
  count: number;
}

// The page loads the list and then keeps it up to date: one look, not two.
const openedList = (newer: string, older: string) =>
  newer === auditSentence("watch_alerts", "", "") && older === auditSentence("view_alerts", "", "");

// An alert's page asks for what belongs to it: one look, not two.
const openedAlert = (newer: AuditEntry, older: AuditEntry) =>
  newer.action === "view_related" && older.action === "view_alert" && newer.about_alert === older.about_alert;

// The same thing done by the same person again and again is one line.
function merge(entries: AuditEntry[]): Line[] {
  const lines: Line[] = [];
  for (const [at, entry] of entries.entries()) {
    const older = entries[at + 1];
    if (older && older.who === entry.who && openedAlert(entry, older)) continue;
    const what = auditSentence(entry.action, entry.about_alert, entry.about ?? "") + (entry.detail ? `: “${entry.detail}”` : "");
    const above = lines[lines.length - 1];
    const again = lines[lines.length - 2];
    if (above && above.who === entry.who && openedList(above.what, what)) {
      if (again && again.who === entry.who && again.what === what) {
        lines.pop();
        again.count++;
      } else above.what = what;
    }
    else if (above && above.who === entry.who && above.what === what) above.count++;
    else lines.push({ time: entry.time, who: entry.who, what, count: 1 });
  }
  return lines;
}

export function AuditPage() {
  const [entries, setEntries] = useState<AuditEntry[] | null>(null);
  const [before, setBefore] = useState(0);
  const [whole, setWhole] = useState<boolean | null | undefined>(undefined);
  const [checked, setChecked] = useState("");
  const [error, setError] = useState("");

  const load = (from: number) =>
    get<Answer>(`/api/v1/audit${from ? `?before=${from}` : ""}`).then(
      (answer) => {
        setEntries((old) => [...(from ? (old ?? []) : []), ...answer.entries]);
        setBefore(answer.before);
        if (answer.whole !== undefined) {
          setWhole(answer.whole);
          setChecked(answer.checked ?? "");
        }
      },
      (problem) => setError(sorry(problem)));
  useEffect(() => void load(0), []);

  const days = new Map<string, AuditEntry[]>();
  for (const entry of entries ?? []) {
    const day = dayWord(entry.time);
    const some = days.get(day);
    if (some) some.push(entry);
    else days.set(day, [entry]);
  }

  return (
    <>
      <Title tab="Who looked at what">Who looked at what</Title>
      <p class="lead">
        Everything that anybody looks at or changes here is put on record first. Nobody can change or remove a line.
      </p>
      <ErrorSummary message={error} />
      {whole === true && (
        <p class="inset good">
          No line was changed or removed. {ago(checked) === "just now"
            ? "All of them were checked just now."
            : `The newest lines were checked just now, all of them ${ago(checked)}.`}
        </p>
      )}
      {whole === null && <p class="inset">The record is long and is being checked. Come back in a minute for the result.</p>}
      {whole === false && (
        <p class="error-summary" role="alert">
          <b>The record has been damaged or changed.</b> Tell your head teacher and data protection officer, and keep a
          copy of the server’s disk.
        </p>
      )}
      {[...days].map(([day, some]) => (
        <section key={day}>
          <h2 class="heading-m">{day}</h2>
          <table class="table audit">
            <thead>
              <tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th></tr>
            </thead>
            <tbody>
              {merge(some).map((line, number) => (
                <tr key={number}>
                  <td class="when">{clockWord(line.time)}</td>
                  <td>{line.who}</td>
                  <td>{line.what}{line.count > 1 && `, ${times(line.count)}`}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ))}
      {before > 0 && <button class="button secondary" onClick={() => void load(before)}>Show older lines</button>}
    </>
  );
}
