// How long things are kept, and that two people approved it.
import { useEffect, useState } from "preact/hooks";
import { get, post, sorry, type Retention } from "../api";
import { ErrorSummary } from "./bits";
import { fullTime } from "../time";

// Long times are said in years as well.
const inYears = (days: number): string => (days > 365 && days % 365 === 0 ? ` (${days / 365} years)` : "");

export function RetentionPart() {
  const [retention, setRetention] = useState<Retention | null>(null);
  const [error, setError] = useState("");
  useEffect(() => {
    get<Retention>("/api/v1/retention").then(setRetention, (problem) => setError(sorry(problem)));
  }, []);
  const answer = (approve: boolean) =>
    void post<Retention>("/api/v1/retention", { approve, times: retention?.times }).then(
      (fresh) => { setRetention(fresh); setError(""); }, (problem) => setError(sorry(problem)));
  return (
    <section aria-labelledby="retention">
      <h2 class="heading-m" id="retention">How long things are kept</h2>
      <ErrorSummary message={error} />
      {retention && (
        <>
          <table class="table">
            <thead><tr><th scope="col">What</th><th scope="col">How long</th></tr></thead>
            <tbody>
              {retention.times.map((one) => (
                <tr key={one.what}>
                  <th scope="row">{one.title}{one.quote && <span class="hint block">“{one.quote}”</span>}</th>
                  <td data-label="How long">{one.days === 0 ? "Until somebody releases it" : `${one.days} days${inYears(one.days)}`}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <Approval retention={retention} onAnswer={answer} />
        </>
      )}
    </section>
  );
}

function Approval({ retention, onAnswer }: { retention: Retention; onAnswer: (approve: boolean) => void }) {
  const { approved, proposed_by, proposed_by_me } = retention;
  const standing = approved?.still ?? false;
  return (
    <>
      {approved && (
        <p class={standing ? "inset good" : "inset"}>
          {standing ? "Approved" : "Other times than these were approved"} by {approved.by.join(" and ")} on {fullTime(approved.when)}.
        </p>
      )}
      {!approved && !proposed_by && <p class="inset">Nobody has approved these times yet.</p>}
      {proposed_by && !standing && (
        <p>{proposed_by_me ? "You have approved them. Somebody else has to agree." : `${proposed_by} has approved them. They need a second person.`}</p>
      )}
      {!standing && (
        <p class="buttons no-print">
          {!proposed_by_me && <button class="button secondary" onClick={() => onAnswer(true)}>
            {proposed_by ? "Approve them as well" : "Approve these times"}
          </button>}
          {proposed_by && <button class="link-button" onClick={() => onAnswer(false)}>
            {proposed_by_me ? "Take it back" : "Do not approve"}
          </button>}
        </p>
      )}
      {!standing && <p class="hint">Two people approve them together, one of whom is the head or the second senior leader.</p>}
    </>
  );
}
