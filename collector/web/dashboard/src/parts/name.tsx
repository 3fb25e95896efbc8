import { useEffect, useState } from "preact/hooks";
import { post, type WholeAlert } from "../api";
import { hasSecret, isOpen, keepSecret, showForSeconds, takeSecret, type NameRequest, type Names } from "../names";
import type { Share } from "../open/sealing";
import { ErrorSummary, Row } from "./bits";
import { ShareForm, shareWords } from "./share";

const minutes = (seconds: number): string => {
  const whole = Math.max(1, Math.ceil(seconds / 60));
  return whole === 1 ? "1 minute" : `${whole} minutes`;
};

// On an alert's page: asking for the name, and how that goes on.
export function NamePanel({ alert, names }: { alert: WholeAlert; names: Names }) {
  const [shown, setShown] = useState(false);
  const here = names.requests.filter((one) => one.alert === alert.id);
  const latest = here.find(isOpen) ?? here[here.length - 1];
  return (
    <section class="panel no-print" aria-labelledby="name-title">
      <h2 id="name-title" class="heading-m">The person’s name</h2>
      {latest && <NameCard key={latest.id} request={latest} names={names} onShown={setShown} />}
      {!shown && (!latest || !isOpen(latest)) && <Ask alert={alert} names={names} again={!!latest} />}
    </section>
  );
}

function Ask({ alert, names, again }: { alert: WholeAlert; names: Names; again: boolean }) {
  const [reason, setReason] = useState("");
  const [days, setDays] = useState(0);
  const [later, setLater] = useState("");
  const [error, setError] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    if (reason.trim().length < 10) return setError("Say in a few words why the name is needed.");
    if (days > 0 && later.trim().length < 10) return setError("Say in a few words why the person is told later.");
    try {
      const { newPair, toHex } = await import("../open/sealing");
      const pair = newPair();
      const key = toHex(pair.key);
      await post(`/api/v1/alerts/${alert.id}/name`, {
        reason, key, tell_after_days: days, tell_later_reason: days > 0 ? later : "",
      });
      keepSecret(key, pair.secret);
      setReason("");
      setError("");
      await names.reload();
    } catch (problem) {
      setError(shareWords(problem));
    }
  };
  return (
    <form onSubmit={submit} noValidate>
      <ErrorSummary message={error} field="name-reason" />
      {!again && (
        <p>
          {alert.subject} is an alias. To see the name, you and a second senior person each use your own share of the key.
          Who asked, why, and who agreed stays on record.
        </p>
      )}
      <p class="field">
        <label for="name-reason">Why is the name needed?</label>
        <span class="hint" id="name-reason-hint">
          Read by the second person and by those who check the record later.
        </span>
        <textarea id="name-reason" rows={2} maxLength={500} aria-describedby="name-reason-hint" value={reason}
          onInput={(event) => setReason(event.currentTarget.value)} />
      </p>
      <p class="field">
        <label for="name-tell">When is the person told that their name was opened?</label>
        <span class="hint" id="name-tell-hint">Waiting takes a reason, and the second person agrees to it as well.</span>
        <select id="name-tell" aria-describedby="name-tell-hint" value={days}
          onChange={(event) => setDays(Number(event.currentTarget.value))}>
          <option value={0}>Afterwards, at once</option>
          <option value={7}>A week later</option>
          <option value={30}>30 days later</option>
          <option value={90}>90 days later</option>
        </select>
      </p>
      {days > 0 && (
        <p class="field">
          <label for="name-later">Why must they wait?</label>
          <span class="hint" id="name-later-hint">For example: the police have asked the school not to tell yet.</span>
          <textarea id="name-later" rows={2} maxLength={500} aria-describedby="name-later-hint" value={later}
            onInput={(event) => setLater(event.currentTarget.value)} />
        </p>
      )}
      <p><button class="button secondary">{again ? "Ask again" : "Ask to open the name"}</button></p>
    </form>
  );
}

// One request, as far as the reader has to do with it.
export function NameCard({ request, names, onShown }: {
  request: NameRequest; names: Names; onShown?: (shown: boolean) => void;
}) {
  const [name, setName] = useState("");
  useEffect(() => onShown?.(name !== ""), [name]);
  const [error, setError] = useState("");
  const act = (step: string, body: unknown = {}) =>
    post(`/api/v1/names/${request.id}/${step}`, body).finally(() => void names.reload());
  const end = () => void act("end").catch((problem) => setError(shareWords(problem)));

  const approve = async (share: Share) => {
    const { sealShare } = await import("../open/sealing");
    const sealed = sealShare(share, request.key);
    share.bytes.fill(0);
    await act("approve", { sealed_share: sealed });
  };
  const open = async (share: Share) => {
    const { openName } = await import("../open/sealing");
    const sealed = await post<{ sealed_login: string; sealed_share: string }>(`/api/v1/names/${request.id}/open`);
    const secret = takeSecret(request.key);
    try {
      if (secret) setName(openName(share, secret, sealed.sealed_share, sealed.sealed_login));
    } catch (problem) {
      setError(shareWords(problem));
    }
    await names.reload();
  };

  if (name) return <Shown name={name} approver={request.approver} onHide={() => setName("")} />;
  return (
    <div>
      <ErrorSummary message={error} />
      {request.mine
        ? <Mine request={request} onOpen={open} onEnd={end} />
        : <Theirs request={request} onApprove={approve} onEnd={end} />}
    </div>
  );
}

function Mine({ request, onOpen, onEnd }: {
  request: NameRequest; onOpen: (share: Share) => Promise<void>; onEnd: () => void;
}) {
  if (!isOpen(request)) return <p class="inset" role="status">{ended(request)}</p>;
  if (!hasSecret(request.key)) {
    return (
      <>
        <p class="inset">You asked for this name in another window, or this window was reloaded. Go back to that window, or withdraw the request and ask again.</p>
        <p><button class="button secondary" onClick={onEnd}>Withdraw the request</button></p>
      </>
    );
  }
  if (request.state === "asked") {
    return (
      <>
        <p class="inset" role="status">
          <b>Waiting for a second senior person.</b> They find your request under “Names”. It ends by itself in {minutes(request.seconds_left)}.
          Keep this window open and do not reload it.
        </p>
        <CheckCode request={request} />
        <p><button class="button secondary" onClick={onEnd}>Withdraw the request</button></p>
      </>
    );
  }
  return (
    <>
      <p class="inset good" role="status">
        <b>{request.approver} has agreed.</b> Unlock your own share within {minutes(request.seconds_left)}. The name is then shown for 10 minutes.
      </p>
      <ShareForm id={request.id} keyId={request.key_id} button="Open the name" onShare={onOpen} />
      <p><button class="link-button" onClick={onEnd}>Withdraw the request</button></p>
    </>
  );
}

function Theirs({ request, onApprove, onEnd }: {
  request: NameRequest; onApprove: (share: Share) => Promise<void>; onEnd: () => void;
}) {
  if (request.state === "approved") {
    return <p class="inset good" role="status">You have agreed. {request.requester} can now open the name.</p>;
  }
  if (request.state !== "asked") return <p class="inset" role="status">{ended(request)}</p>;
  return (
    <>
      <p><b>{request.requester} asks to see the name</b> behind the alias in alert {request.alert}, and needs you to agree.</p>
      <dl class="facts wide">
        <Row name="Why">{request.reason}</Row>
        <Row name="The person is told">
          {request.tell_after_days === 0 ? "Afterwards, at once"
            : `${request.tell_after_days} days later: ${request.tell_later_reason}`}
        </Row>
        <Row name="Answer within">{minutes(request.seconds_left)}</Row>
      </dl>
      <CheckCode request={request} />
      <p>If you agree, unlock your share. Only {request.requester} can read what is sent, and only together with their own share.</p>
      <ShareForm id={request.id} keyId={request.key_id} button="Agree and send my share" onShare={onApprove} />
      <p><button class="button secondary" onClick={onEnd}>Refuse</button></p>
    </>
  );
}

function ended(request: NameRequest): string {
  switch (request.state) {
    case "opened":
      return request.mine
        ? "The name was opened and is no longer shown. To see it again, ask again."
        : `${request.requester} has opened the name.`;
    case "refused":
      return request.mine ? `${request.approver} refused the request.` : "You refused the request.";
    case "withdrawn":
      return request.mine ? "You withdrew the request." : `${request.requester} withdrew the request.`;
    default:
      return "The time for the request is over. Nothing was opened.";
  }
}

// The code of the key that the share will be sealed for.
function CheckCode({ request }: { request: NameRequest }) {
  const [code, setCode] = useState("");
  useEffect(() => {
    void import("../open/sealing").then(({ checkCode, fromHex }) => setCode(checkCode(fromHex(request.key))));
  }, [request.key]);
  if (!code) return null;
  return (
    <p class="check-code">
      Check code: <b>{code}</b>
      <span class="hint"> Both of you must see the same one. Compare it by voice before you agree.</span>
    </p>
  );
}

function Shown({ name, approver, onHide }: { name: string; approver: string; onHide: () => void }) {
  const [left, setLeft] = useState(showForSeconds);
  useEffect(() => {
    const until = performance.now() + showForSeconds * 1000;
    const timer = setInterval(() => {
      const seconds = Math.ceil((until - performance.now()) / 1000);
      if (seconds <= 0) onHide();
      else setLeft(seconds);
    }, 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <div class="opened-name" role="status">
      <p>The log-in name behind this alias, opened by you and {approver}:</p>
      <p class="heading-l" data-opened-name>{name}</p>
      <p class="hint">It is hidden in {minutes(left)}, and when you leave this page.</p>
      <p><button class="button secondary" onClick={onHide}>Hide it now</button></p>
    </div>
  );
}
