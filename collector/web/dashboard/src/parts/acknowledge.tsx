import { useState } from "preact/hooks";
import { sorry, type Alert } from "../api";
import { ErrorSummary } from "./bits";
import { Dialog } from "./dialog";

// "I have seen this", with a note if there is something to say.
export function Acknowledge({ alert, onSave, onClose }: {
  alert: Alert; onSave: (note: string) => Promise<void>; onClose: () => void;
}) {
  const [note, setNote] = useState("");
  const [error, setError] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    onSave(note).catch((problem) => setError(sorry(problem)));
  };
  return (
    <Dialog title="Acknowledge this alert" onClose={onClose}>
      <ErrorSummary message={error} />
      <p>{alert.sentence}</p>
      <form onSubmit={submit}>
        <p class="field">
          <label for="acknowledge-note">Note (optional)</label>
          <span class="hint" id="acknowledge-hint">
            Your colleagues will see it. {alert.locked && "Do not write down what the material is or where it is."}
          </span>
          <textarea id="acknowledge-note" aria-describedby="acknowledge-hint" rows={3} maxLength={1000} value={note}
            onInput={(event) => setNote(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
            }} />
        </p>
        <p class="buttons">
          <button class="button">Acknowledge</button>
          <button type="button" class="button secondary" onClick={onClose}>Cancel</button>
        </p>
      </form>
    </Dialog>
  );
}
