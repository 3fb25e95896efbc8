// Who has less of the internet for a time, by the policy: "internet removed".
import { useEffect, useState } from "preact/hooks";
import { get, sorry, type Restrictions } from "../api";
import { capital } from "../words";
import { ErrorSummary } from "./bits";

const day = (text: string): string =>
  new Date(text).toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric" });

const stateWord = { later: "Not begun", now: "Now", over: "Over" };

export function RestrictionList() {
  const [all, setAll] = useState<Restrictions | null>(null);
  const [error, setError] = useState("");
  useEffect(() => {
    get<Restrictions>("/api/v1/restrictions").then(setAll, (problem) => setError(sorry(problem)));
  }, []);
  return (
    <section aria-labelledby="restrictions">
      <h2 class="heading-m" id="restrictions">Internet removed for a time</h2>
      <p>
        A person or a class gets no more than a stricter group has, until a day on which it ends by itself, also offline.
        Help-lines stay open. People are not named here: beside an alias, a name would be opened by one person alone.
      </p>
      <ErrorSummary message={error} />
      {all && all.restrictions.length === 0 && <p>Nobody has less for a time.</p>}
      {all && all.restrictions.length > 0 && (
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Who</th><th scope="col">What is left</th><th scope="col">Why</th><th scope="col">How long</th>
            </tr>
          </thead>
          <tbody>
            {all.restrictions.map((one, number) => (
              <tr key={number}>
                <th scope="row">{capital(one.group || "One person")}</th>
                <td data-label="What is left">As {one.to}</td>
                <td data-label="Why">
                  {one.reason}
                  <span class="hint block">Asked by {one.asked_by}, approved by {one.approver}</span>
                </td>
                <td data-label="How long">
                  <strong class="tag">{stateWord[one.state]}</strong>
                  {one.from && <span class="block">from {day(one.from)}</span>}
                  <span class="block">until the end of {day(one.until)}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {all && <Make groups={all.groups} />}
    </section>
  );
}

// The lines for the policy's file. The server does not get the log-in name, and
// has no key: whoever signs does it where the key is.
function Make({ groups }: { groups: Restrictions["groups"] }) {
  const [line, setLine] = useState({ user: "", to: "", until: "", reason: "", asked_by: "", approver: "" });
  if (groups.length === 0) return null;
  const to = line.to || groups[0]!.id;
  const ready = line.user.trim() && line.until && line.reason.trim() && line.asked_by.trim() && line.approver.trim();
  const quoted = (words: string) => JSON.stringify(words.trim());
  const field = (key: "user" | "until" | "reason" | "asked_by" | "approver", label: string, type = "text") => (
    <p class="field">
      <label for={`restrict-${key}`}>{label}</label>
      <input id={`restrict-${key}`} type={type} maxLength={200} value={line[key]}
        onInput={(event) => setLine({ ...line, [key]: event.currentTarget.value })} />
    </p>
  );
  return (
    <details class="no-print">
      <summary>Remove the internet for somebody</summary>
      <form onSubmit={(event) => event.preventDefault()} class="narrow">
        {field("user", "Log-in name")}
        <p class="field">
          <label for="restrict-to">No more than</label>
          <select id="restrict-to" value={to} onChange={(event) => setLine({ ...line, to: event.currentTarget.value })}>
            {groups.map((one) => <option key={one.id} value={one.id}>{capital(one.title)}</option>)}
          </select>
        </p>
        {field("until", "Last day", "date")}
        {field("reason", "Why, as the person may read it")}
        {field("asked_by", "Who asks")}
        {field("approver", "Who approves (somebody else)")}
      </form>
      {ready && (
        <>
          <p>These lines go into the school’s policy file; then the policy is built, signed and published as ever.</p>
          <pre class="command">{`restrictions:\n  - {user: ${quoted(line.user)}, to: ${to}, until: ${line.until},\n     reason: ${
            quoted(line.reason)},\n     asked_by: ${quoted(line.asked_by)}, approver: ${quoted(line.approver)}}`}</pre>
          <p class="hint">What you typed stays in this window. To end it before its day takes two organisations’ signatures.</p>
        </>
      )}
    </details>
  );
}
