import { useEffect, useState } from "preact/hooks";
import { get, post, sorry, type Budget, type Kind } from "../api";
import { ErrorSummary, Title } from "../parts/bits";
import { categoryWord } from "../words";

// With fewer verdicts a share says nothing.
const fewest = 5;

const percent = (share: number): string => `${Math.round(share * 100)} %`;

// What the safety lead said when closing alerts, kind by kind, and which kinds
// are not worth an interruption.
export function PrecisionPage() {
  const [budget, setBudget] = useState<Budget | null>(null);
  const [error, setError] = useState("");
  useEffect(() => {
    get<Budget>("/api/v1/budget").then(setBudget, (problem) => setError(sorry(problem)));
  }, []);
  const change = (kind: Kind, inDigest: boolean) => {
    post<Budget>("/api/v1/budget", { kind: kind.kind, in_digest: inDigest }).then(
      (fresh) => {
        setBudget(fresh);
        setError("");
      }, (problem) => setError(sorry(problem)));
  };
  const schoolDays = budget ? Math.round((budget.days / 7) * 5) : 1;
  const aDay = budget ? budget.alerts / schoolDays : 0;
  const rate = aDay < 1 ? "fewer than one a school day" : `about ${aDay.toFixed(1)} a school day`;

  return (
    <>
      <Title tab="How often right">How often alerts are right</Title>
      <p class="lead">
        Counted from what you said when you closed them, over the last 90 days. A kind that is mostly wrong can be moved
        to the daily digest; two of you have to agree. Illegal material, and signs that somebody may need help, are always shown at
        once.
      </p>
      <ErrorSummary message={error} />
      {!budget && !error && <p class="loading">Loading</p>}
      {budget && (
        <p class="inset">
          {budget.alerts === 1 ? "1 alert" : `${budget.alerts} alerts`} in the last {budget.days} days: {rate}.{" "}
          {aDay > budget.budget_a_day
            ? `That is more than the ${budget.budget_a_day} a day that one person can look into with care.`
            : `One person can look into ${budget.budget_a_day} a day with care.`}
        </p>
      )}
      {budget && budget.kinds.length === 0 && <p>There are no alerts yet.</p>}
      {budget && budget.kinds.length > 0 && (
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Kind</th><th scope="col">Raised</th><th scope="col">Right</th>
              <th scope="col">Where it is shown</th>
            </tr>
          </thead>
          <tbody>
            {budget.kinds.map((kind) => <KindRow key={kind.kind} kind={kind} onChange={change} />)}
          </tbody>
        </table>
      )}
    </>
  );
}

function KindRow({ kind, onChange }: { kind: Kind; onChange: (kind: Kind, inDigest: boolean) => void }) {
  const judged = kind.right + kind.wrong;
  const id = kind.kind.split("/")[1];
  const category = id ? categoryWord(id) : "";
  // "Tried to get around the filter" says it in other words.
  const named = id === "bypass" || kind.title.toLowerCase().includes(category.toLowerCase());
  const away = kind.in_digest ? "back to the list" : "to the digest";
  return (
    <tr>
      <th scope="row">{kind.title}{!named && <span class="hint"> {category}</span>}</th>
      <td data-label="Raised">{kind.alerts}</td>
      <td data-label="Right">
        {judged === 0 ? "Nobody has said yet" : `${kind.right} of ${judged}`}
        {judged > 0 && (
          <span class="hint">
            {judged < fewest ? " (too few to judge this kind by)"
              : ` (of many like these, between ${percent(kind.low)} and ${percent(kind.high)})`}
          </span>
        )}
      </td>
      <td data-label="Where it is shown">
        {kind.in_digest ? "Daily digest" : kind.may_wait ? "List" : "List, always"}
        {kind.may_wait && !kind.proposed_by && (
          <p><button class="link-button" onClick={() => onChange(kind, !kind.in_digest)}>Propose to move it {away}</button></p>
        )}
        {kind.proposed_by && (
          <p>
            {kind.proposed_by_me ? "You have proposed" : `${kind.proposed_by} has proposed`} to move it {away}.{" "}
            {!kind.proposed_by_me && (
              <button class="link-button" onClick={() => onChange(kind, !kind.in_digest)}>Agree</button>
            )}{" "}
            <button class="link-button" onClick={() => onChange(kind, kind.in_digest)}>
              {kind.proposed_by_me ? "Take it back" : "Leave it where it is"}
            </button>
          </p>
        )}
      </td>
    </tr>
  );
}
