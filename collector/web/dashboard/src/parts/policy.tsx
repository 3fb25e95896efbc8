// The school's own paper policy, quoted beside an alert.
import type { PolicyRow, WholeAlert } from "../api";
import { shortTime } from "../time";

const listed = (words: string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;

const minutes = (count: number): string =>
  count % 60 === 0 ? (count === 60 ? "an hour" : `${count / 60} hours`) : count === 1 ? "a minute" : `${count} minutes`;

export function PolicyWords({ alert }: { alert: WholeAlert }) {
  const policy = alert.policy;
  if (!policy?.clause && !policy?.row && !policy?.told) return <p class="clause">{alert.clause}</p>;
  return (
    <>
      {policy.clause
        ? <p class="clause">{policy.clause.id}: “{policy.clause.quote}”{policy.clause.says && ` ${policy.clause.says}.`}</p>
        : alert.clause && <p class="clause">{alert.clause}</p>}
      {policy.row && <TableRow row={policy.row} />}
      {policy.continued && (
        <>
          <p>
            {policy.continued.warnings === 1
              ? `An earlier incident ended in a warning on ${shortTime(policy.continued.since)}.`
              : `${policy.continued.warnings} earlier incidents ended in a warning, the last on ${
                shortTime(policy.continued.since)}.`}
            {policy.continued.confirmed_since > 0 && ` Confirmed after the first warning: ${
              policy.continued.confirmed_since}.`} If this one is confirmed, the table says:
          </p>
          <TableRow row={policy.continued.row} />
        </>
      )}
      {policy.told && policy.told.length > 0 && (
        <p>
          Told: {listed(policy.told)}
          {policy.within_minutes ? `, to be looked at within ${minutes(policy.within_minutes)}` : ""}.
        </p>
      )}
    </>
  );
}

function TableRow({ row }: { row: PolicyRow }) {
  return (
    <div class="policy-row">
      <p><b>Table row {row.id}:</b> {row.incident}</p>
      {row.steps.length > 0 && <ul class="plain-list">{row.steps.map((step) => <li key={step}>{step}</li>)}</ul>}
      {row.needs_reason.length > 0 && (
        <p>Only after somebody has written down a reason: {listed(row.needs_reason)}.</p>
      )}
      {row.cautions.map((words) => <p key={words} class="hint">{words}</p>)}
    </div>
  );
}
