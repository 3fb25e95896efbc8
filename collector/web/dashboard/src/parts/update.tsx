import { useEffect, useRef, useState } from "preact/hooks";
import { post, sorry, type Me, type State, type WholeAlert } from "../api";
import { ErrorSummary } from "./bits";
import { outcomeWord, stateHint, stateWord } from "../words";

type Choice = Exclude<State, "new">;
const choices: Choice[] = ["seen", "looking", "waiting", "closed"];

// "What happens now": the state, and what the school did when it is over.
export function Update({ alert, me, onChange }: {
  alert: WholeAlert; me: Me; onChange: (alert: WholeAlert) => void;
}) {
  const [state, setState] = useState<Choice | "">(alert.state === "new" ? "" : alert.state);
  // What stands in the incident log, until something else is said here.
  const [chosen, setOutcome] = useState<string | null>(null);
  const [typed, setAction] = useState<string | null>(null);
  const outcome = chosen ?? alert.incident?.outcome ?? "";
  const action = typed ?? alert.incident?.action_taken ?? "";
  const [error, setError] = useState<[string, string]>(["", ""]);
  const [saved, setSaved] = useState("");

  // Acknowledged above, or by a colleague, while nothing else was chosen here.
  const before = useRef(alert.state);
  useEffect(() => {
    const { state: fresh } = alert;
    if (fresh !== "new") setState((old) => (old === "" || old === before.current ? fresh : old));
    before.current = fresh;
  }, [alert.state]);

  const proposedByMe = alert.close_proposed_account === me.name;
  const closing = state === "closed" && alert.state !== "closed";

  const submit = async (event: Event) => {
    event.preventDefault();
    setSaved("");
    if (!state) return setError(["Choose what happens now.", "state-seen"]);
    if (closing && !outcome) return setError(["Choose how this ended.", "outcome-false_alarm"]);
    if (closing && outcome !== "false_alarm" && !action.trim()) return setError(["Enter what was done.", "action"]);
    try {
      const body = closing ? { state, outcome, action_taken: action } : { state };
      const fresh = await post<WholeAlert>(`/api/v1/alerts/${alert.id}/state`, body);
      setError(["", ""]);
      setSaved(fresh.state === state ? "Saved." : "Saved. A second senior person now has to confirm from their own account.");
      if (fresh.state !== "new") setState(fresh.state);
      onChange(fresh);
    } catch (problem) {
      setError([sorry(problem), ""]);
    }
  };

  return (
    <section class="panel no-print" aria-labelledby="update-title">
      <h2 id="update-title" class="heading-m">What happens now</h2>
      <ErrorSummary message={error[0]} field={error[1] || undefined} />
      {alert.close_proposed_by && alert.state !== "closed" && (
        <p class="inset">
          {proposedByMe
            ? "You have proposed to close this. A second senior person has to confirm it from their own account."
            : `${alert.close_proposed_by} has proposed to close this. If you agree, choose “Closed”.`}
        </p>
      )}
      <form onSubmit={submit} noValidate>
        <fieldset>
          <legend class="hidden">What happens now</legend>
          {choices.map((choice) => (
            <p key={choice} class="choice">
              <input type="radio" name="state" id={`state-${choice}`} checked={state === choice}
                disabled={choice === "closed" && proposedByMe && alert.locked && alert.state !== "closed"}
                onChange={() => setState(choice)} aria-describedby={`state-${choice}-hint`} />
              <label for={`state-${choice}`}>{stateWord[choice]}</label>
              <span class="hint" id={`state-${choice}-hint`}>
                {choice === "closed" && alert.locked ? "Takes two senior people, each from their own account." : stateHint[choice]}
              </span>
            </p>
          ))}
        </fieldset>
        {closing && (
          <div class="indent">
            <fieldset>
              <legend class="heading-s">How did it end?</legend>
              {Object.entries(outcomeWord).map(([code, words]) => (
                <p key={code} class="choice">
                  <input type="radio" name="outcome" id={`outcome-${code}`} checked={outcome === code}
                    onChange={() => setOutcome(code)} />
                  <label for={`outcome-${code}`}>{words}</label>
                </p>
              ))}
            </fieldset>
            <p class="field">
              <label for="action">What was done?</label>
              <span class="hint" id="action-hint">
                {outcome === "false_alarm" ? "Not needed for a false alarm." : "Goes into the incident log with your name and today’s date."}
              </span>
              <textarea id="action" rows={3} maxLength={4000} aria-describedby="action-hint" value={action}
                onInput={(event) => setAction(event.currentTarget.value)} />
            </p>
          </div>
        )}
        <p class="buttons">
          <button class="button">{closing && alert.locked ? (alert.close_proposed_by ? "Confirm closing" : "Propose to close") : "Save"}</button>
          <span role="status">{saved}</span>
        </p>
      </form>
    </section>
  );
}
