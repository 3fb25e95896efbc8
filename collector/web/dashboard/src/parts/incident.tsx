import { useState } from "preact/hooks";
import { post, sorry, type Me, type WholeAlert } from "../api";
import { ErrorSummary, Row } from "./bits";
import { fullTime } from "../time";
import { outcomeWord } from "../words";

// The school's own incident log: date, where, description, action taken, name
// and signature.
export function IncidentLog({ alert, me, onChange }: {
  alert: WholeAlert; me: Me; onChange: (alert: WholeAlert) => void;
}) {
  const entry = alert.incident!;
  const [editing, setEditing] = useState(false);
  const [where, setWhere] = useState(entry.where);
  const [description, setDescription] = useState(entry.description);
  const [action, setAction] = useState(entry.action_taken);
  const [parents, setParents] = useState(entry.parents_informed);
  const [error, setError] = useState("");

  const start = () => {
    setWhere(entry.where);
    setDescription(entry.description);
    setAction(entry.action_taken);
    setParents(entry.parents_informed);
    setEditing(true);
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      onChange(await post<WholeAlert>(`/api/v1/alerts/${alert.id}/incident`,
        { where, description, action_taken: action, parents_informed: parents }));
      setEditing(false);
      setError("");
    } catch (problem) {
      setError(sorry(problem));
    }
  };

  const empty = !entry.recorded_by;
  const notYet = <span class="hint">Not filled in yet</span>;
  return (
    <section class="incident" aria-labelledby="incident-title">
      <h2 id="incident-title" class="heading-m">Incident log</h2>
      {!editing && (
        <>
          {empty && (
            <p class="no-print">
              Not written yet: where it happened, what happened and what was done, signed with your name and the date.
            </p>
          )}
          <dl class={`facts wide${empty ? " print-only" : ""}`}>
            <Row name="Date">{fullTime(alert.first)}</Row>
            <Row name="Where">{entry.where || notYet}</Row>
            <Row name="Description"><span class="note-words">{entry.description || notYet}</span></Row>
            <Row name="Action taken"><span class="note-words">{entry.action_taken || notYet}</span></Row>
            <Row name="Parents or carers">{entry.parents_informed || notYet}</Row>
            {entry.outcome && <Row name="How it ended">{outcomeWord[entry.outcome] ?? entry.outcome}</Row>}
            <Row name="Recorded by">
              {entry.recorded_by ? `${entry.recorded_by}, ${fullTime(entry.recorded)}` : notYet}
            </Row>
            <div class="row print-only"><dt>Signature</dt><dd class="signature" /></div>
          </dl>
          <p class="buttons no-print">
            {me.may.write && <button class="button secondary" onClick={start}>Write the incident log</button>}
            <button class="button secondary" onClick={() => print()}>Print</button>
          </p>
        </>
      )}
      {editing && (
        <form onSubmit={submit} noValidate>
          <ErrorSummary message={error} />
          <p class="field">
            <label for="where">Where it happened</label>
            <span class="hint" id="where-hint">For example: Year 6 classroom, library, at home</span>
            <input id="where" aria-describedby="where-hint" maxLength={200} value={where}
              onInput={(event) => setWhere(event.currentTarget.value)} />
          </p>
          <p class="field">
            <label for="description">Description</label>
            <span class="hint" id="description-hint">
              {alert.locked ? "Do not describe the material or write down where it is."
                : "What happened, in your own words. Schoolgate knows hosts only, not what was on the screen."}
            </span>
            <textarea id="description" rows={4} aria-describedby="description-hint" maxLength={4000} value={description}
              onInput={(event) => setDescription(event.currentTarget.value)} />
          </p>
          <p class="field">
            <label for="incident-action">Action taken</label>
            <textarea id="incident-action" rows={3} maxLength={4000} value={action}
              onInput={(event) => setAction(event.currentTarget.value)} />
          </p>
          <p class="field">
            <label for="parents">Parents or carers informed</label>
            <span class="hint" id="parents-hint">Who was told, by whom and when. Leave it empty if nobody was.</span>
            <input id="parents" aria-describedby="parents-hint" maxLength={200} value={parents}
              onInput={(event) => setParents(event.currentTarget.value)} />
          </p>
          <p class="hint">It will be signed with your name, {me.display_name}, and today’s date.</p>
          <p class="buttons">
            <button class="button">Sign and save</button>
            <button type="button" class="button secondary" onClick={() => setEditing(false)}>Cancel</button>
          </p>
        </form>
      )}
    </section>
  );
}
