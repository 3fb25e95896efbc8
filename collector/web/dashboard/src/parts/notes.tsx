import { useState } from "preact/hooks";
import { post, sorry, type Me, type WholeAlert } from "../api";
import { ErrorSummary } from "./bits";
import { fullTime } from "../time";

export function Notes({ alert, me, onChange }: {
  alert: WholeAlert; me: Me; onChange: (alert: WholeAlert) => void;
}) {
  const [words, setWords] = useState("");
  const [error, setError] = useState("");
  const notes = alert.notes ?? [];

  const submit = async (event: Event) => {
    event.preventDefault();
    if (!words.trim()) return setError("Enter a note.");
    try {
      onChange(await post<WholeAlert>(`/api/v1/alerts/${alert.id}/notes`, { words }));
      setWords("");
      setError("");
    } catch (problem) {
      setError(sorry(problem));
    }
  };

  return (
    <section aria-labelledby="notes-title">
      <h2 id="notes-title" class="heading-m">Notes</h2>
      {notes.length === 0 && <p>No notes yet.</p>}
      <ol class="notes">
        {notes.map((note, number) => (
          <li key={number}>
            <p class="note-words">{note.words}</p>
            <p class="hint">{note.author}, {fullTime(note.time)}</p>
          </li>
        ))}
      </ol>
      {me.may.write && (
        <form class="no-print" onSubmit={submit} noValidate>
          <ErrorSummary message={error} field="note-words" />
          <p class="field">
            <label for="note-words">Add a note</label>
            {alert.locked && <span class="hint">Do not write down what the material is or where it is.</span>}
            <textarea id="note-words" rows={3} maxLength={4000} value={words}
              onInput={(event) => setWords(event.currentTarget.value)} />
          </p>
          <button class="button secondary">Add note</button>
        </form>
      )}
    </section>
  );
}
