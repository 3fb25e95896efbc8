// The right of access: a person's record, read by one with the consent of a
// second.
import { useEffect, useState } from "preact/hooks";
import { download, get, post, sorry, type PersonRecord, type RecordRequest } from "../api";
import { ErrorSummary, Title } from "../parts/bits";
import { RecordTable } from "../parts/record_table";
import { followLink } from "../router";
import { shortTime } from "../time";

const every = 4000;

const left = (seconds: number): string => {
  const minutes = Math.max(1, Math.ceil(seconds / 60));
  if (minutes >= 120) return `${Math.floor(minutes / 60)} hours`;
  return minutes === 1 ? "1 minute" : `${minutes} minutes`;
};

export function RecordsPage() {
  const [requests, setRequests] = useState<RecordRequest[] | null>(null);
  const [error, setError] = useState("");
  const load = (background: boolean) =>
    get<{ requests: RecordRequest[] }>("/api/v1/records", background).then(
      (answer) => setRequests(answer.requests),
      (problem) => { if (!background) setError(sorry(problem)); });
  useEffect(() => {
    void load(false);
    const timer = setInterval(() => void load(true), every);
    return () => clearInterval(timer);
  }, []);
  const shown = [...(requests ?? [])].reverse();
  return (
    <>
      <Title tab="Requests for a record">Requests for a record</Title>
      <p class="lead">
        Everybody may ask the school what is kept about them; for a young child a parent asks. Nobody looks that up alone:
        one person asks here and a second one agrees.
      </p>
      <ErrorSummary message={error} />
      {shown.map((one) => <RequestPanel key={one.id} request={one} onChange={() => load(true)} />)}
      <Ask onAsked={() => load(true)} />
    </>
  );
}

function Ask({ onAsked }: { onAsked: () => Promise<void> }) {
  const [login, setLogin] = useState("");
  const [reason, setReason] = useState("");
  const [error, setError] = useState<[string, string]>(["", ""]);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!login.trim()) return setError(["Enter the person’s log-in name.", "record-login"]);
    if (reason.trim().length < 10) return setError(["Say who asks for the record, and when they did.", "record-reason"]);
    try {
      await post("/api/v1/records", { login, reason });
      setLogin("");
      setReason("");
      setError(["", ""]);
      await onAsked();
    } catch (problem) {
      setError([sorry(problem), "record-login"]);
    }
  };
  return (
    <section class="panel" aria-labelledby="record-ask">
      <h2 class="heading-m" id="record-ask">Somebody has asked what is kept about them</h2>
      <form onSubmit={submit} noValidate>
        <ErrorSummary message={error[0]} field={error[1]} />
        <p class="field">
          <label for="record-login">Their log-in name on school devices</label>
          <span class="hint" id="record-login-hint">It is not kept: it is turned into their alias at once.</span>
          <input id="record-login" autoComplete="off" autoCapitalize="none" spellcheck={false} maxLength={128}
            aria-describedby="record-login-hint" value={login} onInput={(event) => setLogin(event.currentTarget.value)} />
        </p>
        <p class="field">
          <label for="record-reason">Who asked, and when?</label>
          <span class="hint" id="record-reason-hint">
            The number of their letter will do. Do not write the person’s name: this stays on record.
          </span>
          <textarea id="record-reason" rows={2} maxLength={500} aria-describedby="record-reason-hint" value={reason}
            onInput={(event) => setReason(event.currentTarget.value)} />
        </p>
        <p><button class="button">Ask for the record</button></p>
      </form>
    </section>
  );
}

function RequestPanel({ request, onChange }: { request: RecordRequest; onChange: () => Promise<void> }) {
  const [record, setRecord] = useState<PersonRecord | null>(null);
  const [error, setError] = useState("");
  const path = `/api/v1/records/${request.id}`;
  const act = (step: string) => post(`${path}/${step}`).then(
    () => { setError(""); if (step === "end") setRecord(null); },
    (problem) => setError(sorry(problem))).then(onChange);
  const read = () => get<PersonRecord>(path).then(setRecord, (problem) => setError(sorry(problem)));
  const save = () => download("GET", `${path}?format=csv`, `record-${request.id}.csv`)
    .catch((problem) => setError(sorry(problem)));
  const open = request.mine && request.state === "agreed";
  return (
    <section class="panel" aria-labelledby={`record-${request.id}`}>
      <h2 class="heading-m" id={`record-${request.id}`}>
        {request.mine ? "Your request" : `Request of ${request.requester}`} {request.id}
      </h2>
      <ErrorSummary message={error} />
      <p>{request.reason}</p>
      <p class="inset" role="status">{stateWords(request)}</p>
      {request.state === "asked" && !request.mine && (
        <p>
          <button class="button" onClick={() => void act("agree")}>Agree</button>{" "}
          <button class="button secondary" onClick={() => void act("end")}>Refuse</button>
        </p>
      )}
      {open && (
        <p>
          <button class="button" onClick={() => void read()}>Show the record</button>{" "}
          <button class="button secondary" onClick={() => void save()}>Save as CSV</button>
        </p>
      )}
      {request.mine && (request.state === "asked" || request.state === "agreed") && (
        <p><button class="link-button" onClick={() => void act("end")}>{open ? "Finished" : "Withdraw the request"}</button></p>
      )}
      {open && record && <Shown record={record} />}
    </section>
  );
}

function stateWords(request: RecordRequest): string {
  switch (request.state) {
    case "asked":
      return request.mine
        ? `Waiting for a second person, who finds it on this page. It ends by itself in ${left(request.seconds_left)}.`
        : `Do you agree that ${request.requester} reads what is kept about this person? Answer within ${left(request.seconds_left)}.`;
    case "agreed":
      return request.mine
        ? `${request.approver} has agreed. You can read and save it for ${left(request.seconds_left)}.`
        : `You have agreed. ${request.requester} can read it for ${left(request.seconds_left)}.`;
    case "refused":
      return request.mine ? `${request.approver} refused the request.` : "You refused the request.";
    case "withdrawn":
      return request.mine ? "You ended the request." : `${request.requester} ended the request.`;
    default:
      return "The time for the request is over.";
  }
}

function Shown({ record }: { record: PersonRecord }) {
  return (
    <>
      <RecordTable lines={record.lines} keepDays={record.keep_days} whose="They" />
      {record.more && <p>There is more than this page shows: what is newest stands here.</p>}
      {record.cases.length > 0 && (
        <>
          <h3 class="heading-s">Cases about this person that you may read</h3>
          <ul>
            {record.cases.map((one) => (
              <li key={one.alert}>
                <a href={`/alerts/${one.alert}`} onClick={followLink}>{one.title}</a>, {shortTime(one.raised)}
              </li>
            ))}
          </ul>
        </>
      )}
      <p>
        Cases are not in the file. What of them is handed over is decided case by case, with the data protection officer:
        it can harm a child to learn who reported what.
      </p>
    </>
  );
}
