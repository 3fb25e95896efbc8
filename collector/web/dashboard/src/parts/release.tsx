import { useEffect, useState } from "preact/hooks";
import { get, post, sorry, type Release, type Rules } from "../api";
import { categoryWord, groupWord } from "../words";
import { ErrorSummary } from "./bits";

const refreshMs = 10000;
const ringWord: Record<Release["ring"], string> = {
  trial: "on trial: devices judge by it and only count",
  "one device": "with one device",
  "1 in 20": "with one device in twenty",
  all: "with everybody",
};

// How rules are on their way, for the IT provider.
export function ReleasePart() {
  const [rules, setRules] = useState<Rules[]>([]);
  const [error, setError] = useState("");
  const take = (answer: { rules: Rules[] }) => { setRules(answer.rules); setError(""); };

  useEffect(() => {
    const load = (background: boolean) =>
      get<{ rules: Rules[] }>("/api/v1/rules", background).then(take, (problem) => setError(sorry(problem)));
    load(false);
    const timer = setInterval(() => load(true), refreshMs);
    return () => clearInterval(timer);
  }, []);

  const change = (school: string, action: string) =>
    post<{ rules: Rules[] }>("/api/v1/rules", { school, action }).then(take, (problem) => setError(sorry(problem)));

  return (
    <section aria-labelledby="rules-title">
      <h2 id="rules-title">Rules on their way</h2>
      <ErrorSummary message={error} />
      {rules.length === 0 && <p>No rules are published yet.</p>}
      {rules.map((one) => <SchoolRules key={one.school} rules={one} change={change} />)}
    </section>
  );
}

function SchoolRules({ rules, change }: { rules: Rules; change: (school: string, action: string) => void }) {
  const release = rules.rollout && rules.rollout.version > rules.current ? rules.rollout : null;
  const stale = Object.entries(rules.freshness);
  return (
    <div>
      <p>
        <strong>{rules.school || "All schools"}</strong>: {rules.current > 0 ? `version ${rules.current} is current` : "nothing current yet"}.{" "}
        {rules.versions.map((run) => `${run.devices} run ${run.version > 0 ? `version ${run.version}` : "no rules yet"}`).join(", ")}.
        {stale.length > 0 && ` Not confirmed by the publisher: ${stale.map(([word, count]) => `${count} ${word}`).join(", ")}.`}
        {rules.orders.length > 0 && ` ${rules.orders.length} signed ${rules.orders.length === 1 ? "order is" : "orders are"} handed out.`}
      </p>
      {release && (
        <>
          <p>
            Version {release.version} is {ringWord[release.ring]}: {release.have_it} of {release.devices} have it.
            {release.paused && ` Paused: ${release.why}.`}
          </p>
          <p>
            {release.paused
              ? <button type="button" class="button" onClick={() => change(rules.school, "go_on")}>Go on</button>
              : (
                <>
                  <button type="button" class="button" onClick={() => change(rules.school, "pause")}>Pause</button>{" "}
                  <button type="button" class="button" onClick={() => change(rules.school, "go_on")}>Next step now</button>
                </>
              )}{" "}
            {release.fallback > 0 && (
              <button type="button" class="button" onClick={() => change(rules.school, "roll_back")}>Roll back</button>
            )}
          </p>
        </>
      )}
      {rules.in_trouble.length > 0 && <ul>{rules.in_trouble.map((words) => <li key={words}>{words}</li>)}</ul>}
      {rules.trial.changes.length > 0 && (
        <table class="table">
          <caption>What it would change, of {rules.trial.judged} answers</caption>
          <thead><tr><th scope="col">Category</th><th scope="col">Group</th><th scope="col">Now</th><th scope="col">Then</th><th scope="col">How often</th></tr></thead>
          <tbody>
            {rules.trial.changes.map((row) => (
              <tr key={`${row.category} ${row.group} ${row.before} ${row.after}`}>
                <td>{row.category ? categoryWord(row.category) : "Not logged"}</td><td>{groupWord(row.group)}</td>
                <td>{row.before}</td><td>{row.after}</td><td>{row.count}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}
