// Lesson passes: what was asked for, what the class would miss, what is open.
import { useEffect, useState } from "preact/hooks";
import { get, post, sorry, type Me, type Pass, type PassRequest, type Passes, type Previewed } from "../api";
import { ErrorSummary, Row, Title } from "../parts/bits";
import { ClassAtWork } from "../parts/class";
import { RestrictionList } from "../parts/restrictions";
import { followLink } from "../router";
import { shortTime } from "../time";
import { capital } from "../words";

const refreshMs = 15000;

const stateWord: Record<Pass["state"], string> = {
  waiting: "Not begun",
  open: "Open now",
  ended: "Ended",
  withdrawn: "Withdrawn",
};

export function PassesPage({ me }: { me: Me }) {
  const [passes, setPasses] = useState<Passes | null>(null);
  const [error, setError] = useState("");
  const load = (background: boolean) =>
    get<Passes>("/api/v1/passes", background).then(setPasses, (problem) => setError(sorry(problem)));
  useEffect(() => {
    load(false);
    const timer = setInterval(() => load(true), refreshMs);
    return () => clearInterval(timer);
  }, []);

  return (
    <>
      <Title tab="Lesson passes">Lesson passes</Title>
      <p class="sub">A pass opens some sites for one lesson and ends by itself, also on devices that are offline.</p>
      <ErrorSummary message={error} />
      {passes && (
        <>
          <Running passes={passes.passes} />
          <ClassAtWork groups={passes.groups} />
          <h2 class="heading-m">Asked for</h2>
          {passes.requests.length === 0 && (
            <p>
              Nobody has asked. A teacher opens the site once on their own device, sees with{" "}
              <code>schoolgate preview GROUP</code> what the class would miss, and asks with <code>--ask</code>.
            </p>
          )}
          {passes.requests.map((one) => <Asked key={one.alert} request={one} signFor={passes.sign_for} me={me} />)}
          <Try groups={passes.groups} />
          {passes.may_publish && <Publish onPublished={setPasses} />}
          <RestrictionList />
        </>
      )}
    </>
  );
}

function Running({ passes }: { passes: Pass[] }) {
  return (
    <>
      <h2 class="heading-m">Now</h2>
      {passes.length === 0 && <p>No lesson pass is open.</p>}
      {passes.length > 0 && (
        <table class="table">
          <thead>
            <tr><th scope="col">Sites</th><th scope="col">For</th><th scope="col">Why</th><th scope="col">How it stands</th></tr>
          </thead>
          <tbody>
            {passes.map((pass) => (
              <tr key={pass.id}>
                <th scope="row">{pass.hosts.join(", ") || pass.id}</th>
                <td data-label="For">{[pass.class, ...pass.groups].filter(Boolean).join(", ") || (pass.devices === 1 ? "1 device" : `${pass.devices} devices`)}</td>
                <td data-label="Why">
                  {pass.reason}
                  {pass.requester && <span class="hint block">Asked by {pass.requester}, approved by {pass.approver}</span>}
                </td>
                <td data-label="How it stands">
                  <strong class="tag">{stateWord[pass.state]}</strong>
                  {pass.state === "open" && <span class="block">ends in {Math.ceil(pass.seconds_left / 60)} min</span>}
                  {pass.state === "waiting" && <span class="block">from {shortTime(pass.start)}</span>}
                  {pass.state === "ended" && <span class="block">at {shortTime(pass.end)}</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function Answers({ lines }: { lines: Previewed[] }) {
  const missed = lines.filter((line) => line.blocked).length;
  return (
    <>
      <p>
        {missed === 0 ? "The class would get all of these."
          : missed === lines.length ? "The class would miss all of these."
            : `The class would miss ${missed} of these ${lines.length}.`}
      </p>
      <ul class="plain-list">
        {lines.map((line) => (
          <li key={line.host}>
            <b>{line.host}</b>: {line.blocked ? `blocked. ${line.reason}` : "open"}
            {line.blocked && !line.passable && " No pass opens it."}
          </li>
        ))}
      </ul>
    </>
  );
}

// The approver signs on their own computer: the server has no key.
function command(request: PassRequest, signFor: string): string {
  const open = request.preview
    ? request.preview.filter((line) => line.blocked && line.passable).map((line) => line.host) : request.hosts;
  // A shell must take what a person typed as it is.
  const quoted = (words: string) => `'${words.replace(/'/g, "'\\''")}'`;
  return [
    "schoolgate-rules pass new", `--id ${quoted(signFor)}`, ...open.map((host) => `--host ${quoted(host)}`),
    request.group ? `--group ${quoted(request.group)}` : "--group GROUP", `--reason ${quoted(request.reason || "lesson")}`,
    `--requester ${quoted(request.who)}`, "--until +1h", "--key YOUR-KEY-FILE", "-o pass.order",
  ].join(" ");
}

function Asked({ request, signFor, me }: { request: PassRequest; signFor: string; me: Me }) {
  const nothing = request.preview !== undefined && !request.preview.some((line) => line.blocked && line.passable);
  return (
    <section class="asked">
      <h3 class="heading-s">{request.reason || request.hosts.join(", ")}</h3>
      <p class="hint">
        {request.who}, {shortTime(request.time)}, on {request.device || "a device"}
        {me.may.alert && <>. <a href={`/alerts/${request.alert}`} onClick={followLink}>Alert {request.alert}</a></>}
      </p>
      {request.preview ? <Answers lines={request.preview} /> : <p>Wants open: {request.hosts.join(", ")}</p>}
      {nothing
        ? <p>A pass would change nothing here: close the request and tell the person why.</p>
        : (
          <details>
            <summary>Approve</summary>
            <p>Sign the pass where your key is, then publish the file below. Whoever signs approves it, so it cannot be who asked.</p>
            <pre class="command" tabIndex={0}>{command(request, signFor)}</pre>
          </details>
        )}
    </section>
  );
}

function Try({ groups }: { groups: Passes["groups"] }) {
  const [group, setGroup] = useState(groups[0]?.id ?? "");
  const [hosts, setHosts] = useState("");
  const [lines, setLines] = useState<Previewed[] | null>(null);
  const [error, setError] = useState("");
  if (groups.length === 0) return null;
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      setLines((await post<{ preview: Previewed[] }>("/api/v1/passes/preview", { group, hosts })).preview);
      setError("");
    } catch (problem) {
      setLines(null);
      setError(sorry(problem));
    }
  };
  return (
    <section>
      <h2 class="heading-m">What would a class get?</h2>
      <form onSubmit={submit} noValidate>
        <ErrorSummary message={error} field="try-hosts" />
        <p class="field">
          <label for="try-group">Group</label>
          <select id="try-group" value={group} onChange={(event) => setGroup(event.currentTarget.value)}>
            {groups.map((one) => <option key={one.id} value={one.id}>{capital(one.title || one.id)}</option>)}
          </select>
        </p>
        <p class="field">
          <label for="try-hosts">Hosts</label>
          <span class="hint" id="try-hint">One or more, for example: www.example.org cdn.example.org</span>
          <textarea id="try-hosts" rows={2} aria-describedby="try-hint" maxLength={4000} value={hosts}
            onInput={(event) => setHosts(event.currentTarget.value)} />
        </p>
        <p class="buttons"><button class="button secondary">Try</button></p>
      </form>
      {lines && <dl class="facts wide" role="status"><Row name="Answer"><Answers lines={lines} /></Row></dl>}
    </section>
  );
}

function Publish({ onPublished }: { onPublished: (passes: Passes) => void }) {
  const [order, setOrder] = useState("");
  const [said, setSaid] = useState("");
  const [error, setError] = useState("");
  const choose = async (event: Event) => {
    const file = (event.currentTarget as HTMLInputElement).files?.[0];
    setOrder(file ? await file.text() : "");
    setSaid("");
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!order) return setError("Choose the file first.");
    try {
      onPublished(await post<Passes>("/api/v1/passes", { order }));
      setSaid("Published. Devices that are connected have it within a second.");
      setError("");
    } catch (problem) {
      setSaid("");
      setError(sorry(problem));
    }
  };
  return (
    <section>
      <h2 class="heading-m">Publish a signed pass</h2>
      <form onSubmit={submit} noValidate>
        <ErrorSummary message={error} field="pass-file" />
        <p class="field">
          <label for="pass-file">The file that schoolgate-rules wrote</label>
          <input id="pass-file" type="file" onChange={choose} />
        </p>
        <p class="buttons"><button class="button">Publish the pass</button></p>
        <p role="status">{said}</p>
      </form>
    </section>
  );
}
