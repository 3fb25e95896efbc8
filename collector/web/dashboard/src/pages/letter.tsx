import { useEffect, useState } from "preact/hooks";
import { get, sorry, type Letter } from "../api";
import { ErrorSummary, Title } from "../parts/bits";
import { followLink } from "../router";

// A letter home: the school's policy and what is known, no site, no alias,
// nobody else. What was done is a person's to write.
export function LetterPage({ id }: { id: number }) {
  const [letter, setLetter] = useState<Letter | null>(null);
  const [to, setTo] = useState("parents and carers");
  const [done, setDone] = useState("");
  const [error, setError] = useState("");
  useEffect(() => {
    get<Letter>(`/api/v1/alerts/${id}/letter`).then(setLetter, (problem) => setError(sorry(problem)));
  }, [id]);
  return (
    <>
      <p class="back no-print"><a href={`/alerts/${id}`} onClick={followLink}>Back to alert {id}</a></p>
      <div class="no-print">
        <Title tab="Letter home">Letter to parents or carers</Title>
        <p class="lead">A draft, from what is known and your own policy. Read it as the parent will, then print it.</p>
        <ErrorSummary message={error} />
        {letter?.cautions.map((words) => <p key={words} class="inset"><b>{words}</b></p>)}
        {letter && (
          <form onSubmit={(event) => event.preventDefault()}>
            <p class="field">
              <label for="letter-to">Dear …</label>
              <span class="hint" id="letter-to-hint">The name is not known here. Type it, or write it by hand: it is not kept.</span>
              <input id="letter-to" maxLength={120} aria-describedby="letter-to-hint" value={to}
                onInput={(event) => setTo(event.currentTarget.value)} />
            </p>
            <p class="field">
              <label for="letter-done">What the school has done or will do</label>
              <span class="hint" id="letter-done-hint">
                Not taken from the incident log, which may speak of others. Name no other child, no site and no member
                of staff who has nothing to do with it. It is not kept.
              </span>
              <textarea id="letter-done" rows={4} maxLength={2000} aria-describedby="letter-done-hint" value={done}
                onInput={(event) => setDone(event.currentTarget.value)} />
            </p>
          </form>
        )}
      </div>
      {letter && (
        <article class="letter" aria-label="The letter">
          <p class="letter-head">{letter.school || "________________________"}<span class="block">{letter.date}</span></p>
          <p>Dear {to.trim() || "________________________"},</p>
          {letter.before.map((words) => <p key={words}>{words}</p>)}
          <p class={done.trim() ? "note-words" : "no-print hint"}>{done.trim() || "(what the school has done or will do)"}</p>
          {letter.after.map((words) => <p key={words}>{words}</p>)}
          <p>Yours sincerely,</p>
          <p class="letter-sign">{letter.writer}<span class="block">{letter.writer_role}</span></p>
        </article>
      )}
      {letter && (
        <>
          <p class="no-print"><button class="button" onClick={() => print()}>Print or save as PDF</button></p>
          <p class="hint no-print">
            When it has gone, write into the incident log of the alert that parents or carers were informed, and when.
          </p>
        </>
      )}
    </>
  );
}
