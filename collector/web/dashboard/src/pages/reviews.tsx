import { useEffect, useState } from "preact/hooks";
import { download, get, post, sorry, type Me, type ReviewRecord, type Reviews } from "../api";
import { ErrorSummary, Title } from "../parts/bits";
import { Figures } from "../parts/figures";
import { SchoolChoice } from "../parts/school";
import { fullTime } from "../time";

const dayOf = (time: string): string =>
  new Date(time).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });

// What is due, what there is to look at together, and what was decided before.
export function ReviewsPage({ me }: { me: Me }) {
  const [page, setPage] = useState<Reviews | null>(null);
  const [error, setError] = useState("");
  const [school, setSchool] = useState("");
  useEffect(() => {
    setPage(null);
    get<Reviews>(`/api/v1/reviews${school && `?school=${encodeURIComponent(school)}`}`).then(
      (fresh) => { setPage(fresh); setError(""); }, (problem) => setError(sorry(problem)));
  }, [school]);
  const keep = (fresh: Reviews) => { setPage(fresh); setError(""); };

  return (
    <>
      <Title tab="Reviews">Meetings and reviews</Title>
      <p class="lead no-print">
        For the meeting of the safety lead with the IT provider or the governor: what is due, what there is to look at,
        and what you decided. Nobody in particular is named here.
      </p>
      {me.role === "it_provider" && !me.school && <SchoolChoice school={school} onChoose={setSchool} />}
      <ErrorSummary message={error} />
      {!page && !error && <p class="loading">Loading</p>}
      {page && (
        <>
          <DueList page={page} />
          <section>
            <h2 class="heading-l">What to look at</h2>
            <p class="hint">Since {dayOf(page.since)}, as of {fullTime(new Date().toISOString())}.</p>
            {page.tables.map((table) => <Figures key={table.title} table={table} />)}
            <p class="no-print"><button class="button secondary" onClick={() => print()}>Print or save as PDF</button></p>
          </section>
          {page.may_write && <WriteForm onWritten={keep} onError={setError} />}
          <section class="no-print">
            <h2 class="heading-l">What was decided</h2>
            {page.records.length === 0 && <p>No meeting or review is on record yet.</p>}
            {page.records.map((record) => (
              <RecordPart key={record.id} record={record} page={page} onSigned={keep} onError={setError} />
            ))}
          </section>
        </>
      )}
    </>
  );
}

function DueList({ page }: { page: Reviews }) {
  return (
    <section>
      <h2 class="heading-l">What is due</h2>
      <table class="table">
        <thead><tr><th scope="col">Review</th><th scope="col">Last</th><th scope="col">Next</th></tr></thead>
        <tbody>
          {page.due.map((one) => (
            <tr key={one.kind}>
              <th scope="row">{one.title}</th>
              <td data-label="Last">{one.last ? dayOf(one.last) : "Not on record"}</td>
              <td data-label="Next">
                {one.due
                  ? <><strong class="tag tag-device-problem">Due</strong>{one.next && ` since ${dayOf(one.next)}`}</>
                  : dayOf(one.next)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {page.reasons.length > 0 && (
        <div class="inset">
          <p>The policy may need a review before its time:</p>
          <ul>{page.reasons.map((reason) => <li key={reason}>{reason}</li>)}</ul>
        </div>
      )}
    </section>
  );
}

const empty = { present: "", words: "", actions: "" };

function WriteForm({ onWritten, onError }: { onWritten: (page: Reviews) => void; onError: (words: string) => void }) {
  const [kind, setKind] = useState<ReviewRecord["kind"]>("meeting");
  const [text, setText] = useState(empty);
  const [busy, setBusy] = useState(false);
  const save = (event: Event) => {
    event.preventDefault();
    setBusy(true);
    post<Reviews>("/api/v1/reviews", { kind, ...text })
      .then((page) => { setText(empty); onWritten(page); }, (problem) => onError(sorry(problem)))
      .finally(() => setBusy(false));
  };
  return (
    <form class="no-print" onSubmit={save}>
      <h2 class="heading-l">Write it down</h2>
      <p class="hint">
        The figures above are kept with it. It cannot be changed afterwards. The IT provider and the governor read it:
        write no names of pupils.
      </p>
      <p class="field">
        <label for="review-kind">What was it?</label>
        <select id="review-kind" value={kind} onChange={(event) => setKind(event.currentTarget.value as ReviewRecord["kind"])}>
          <option value="meeting">A meeting</option>
          <option value="policy">A review of the policy</option>
          <option value="provision">The yearly review of filtering and monitoring (a second person signs)</option>
        </select>
      </p>
      <p class="field">
        <label for="review-present">Who took part?</label>
        <input id="review-present" value={text.present} maxLength={500}
          onInput={(event) => setText({ ...text, present: event.currentTarget.value })} />
      </p>
      <p class="field">
        <label for="review-words">What was looked at and decided?</label>
        <textarea id="review-words" rows={5} value={text.words} maxLength={10000}
          onInput={(event) => setText({ ...text, words: event.currentTarget.value })} />
      </p>
      <p class="field">
        <label for="review-actions">Who does what until when? (optional)</label>
        <textarea id="review-actions" rows={3} value={text.actions} maxLength={10000}
          onInput={(event) => setText({ ...text, actions: event.currentTarget.value })} />
      </p>
      <button class="button" disabled={busy}>Keep the record</button>
    </form>
  );
}

function RecordPart({ record, page, onSigned, onError }: {
  record: ReviewRecord; page: Reviews; onSigned: (page: Reviews) => void; onError: (words: string) => void;
}) {
  const sign = () => {
    post<Reviews>("/api/v1/reviews/sign", { id: record.id }).then(onSigned, (problem) => onError(sorry(problem)));
  };
  const save = () => {
    download("GET", `/api/v1/reviews/signed?id=${encodeURIComponent(record.id)}`, `${record.kind}-${record.time.slice(0, 10)}.pack`)
      .catch((problem) => onError(sorry(problem)));
  };
  return (
    <details class="review" data-review={record.kind}>
      <summary>
        {record.title}, {dayOf(record.time)}
        {record.needs_second && !record.second_name && " (waits for a second signature)"}
      </summary>
      <dl class="facts wide">
        <div class="row"><dt>Took part</dt><dd>{record.present}</dd></div>
        <div class="row"><dt>Looked at and decided</dt><dd class="as-written">{record.words}</dd></div>
        {record.actions && <div class="row"><dt>Who does what</dt><dd class="as-written">{record.actions}</dd></div>}
        <div class="row"><dt>Written by</dt><dd>{record.by_name}, {fullTime(record.time)}</dd></div>
        {record.second_name && <div class="row"><dt>Signed by</dt><dd>{record.second_name}, {fullTime(record.signed ?? "")}</dd></div>}
        {record.hash && <div class="row"><dt>Check number</dt><dd class="hash">{record.hash}</dd></div>}
      </dl>
      {record.needs_second && !record.second_name && page.may_sign && (record.mine
        ? <p>Somebody else has to read it and sign it.</p>
        : <p><button class="button" onClick={sign}>I have read it and sign it</button></p>)}
      {record.second_name && page.may_sign && (
        <p><button class="button secondary" onClick={save}>Save the signed record</button></p>
      )}
      <h3 class="heading-m">The figures as they were</h3>
      {record.tables.map((table) => <Figures key={table.title} table={table} />)}
    </details>
  );
}
