import { useEffect, useState } from "preact/hooks";
import { get, post, sorry, type Me, type WholeAlert } from "../api";
import type { Feed } from "../feed";
import type { Names } from "../names";
import { Acknowledge } from "../parts/acknowledge";
import { ErrorSummary, HeldTag, Row, SeverityTag, StateTag, Title } from "../parts/bits";
import { Attachments } from "../parts/attachments";
import { ContactLines } from "../parts/contacts";
import { Custody } from "../parts/custody";
import { IncidentLog } from "../parts/incident";
import { useKeys } from "../parts/keys";
import { NamePanel } from "../parts/name";
import { PolicyWords } from "../parts/policy";
import { Notes } from "../parts/notes";
import { RelatedDevices } from "../parts/related";
import { StopCard } from "../parts/stop";
import { TimeLine } from "../parts/timeline";
import { Update } from "../parts/update";
import { followLink, go } from "../router";
import { shortTime } from "../time";
import { capital, categoryWord, groupWord, times } from "../words";

export function AlertPage({ id, me, feed, names }: { id: number; me: Me; feed: Feed; names: Names }) {
  const [alert, setAlert] = useState<WholeAlert | null>(null);
  const [error, setError] = useState("");
  const [acknowledging, setAcknowledging] = useState(false);
  const known = feed.alerts.get(id)?.revision ?? 0;

  useEffect(() => {
    if (alert && alert.revision >= known) return;
    get<WholeAlert>(`/api/v1/alerts/${id}`, alert !== null).then(setAlert, (problem) => setError(sorry(problem)));
  }, [id, known]);

  const changed = (fresh: WholeAlert) => {
    setAlert(fresh);
    feed.put(fresh);
  };
  const canAcknowledge = !!alert && me.may.write && alert.state === "new";
  useKeys({
    u: () => go("/"),
    a: () => canAcknowledge && setAcknowledging(true),
    n: () => document.getElementById("note-words")?.focus(),
  });
  const acknowledge = async (note: string) => {
    changed(await post<WholeAlert>(`/api/v1/alerts/${id}/state`, { state: "seen", note }));
    setAcknowledging(false);
  };

  if (!alert) {
    return (
      <>
        <BackLink />
        <ErrorSummary message={error} />
        {!error && <p class="loading">Loading</p>}
      </>
    );
  }
  return (
    <article class="alert-page">
      <BackLink />
      <ErrorSummary message={error} />
      <div class="alert-tags">
        <SeverityTag severity={alert.severity} />
        <StateTag state={alert.state} />
        {alert.held && <HeldTag />}
      </div>
      <Title tab={alert.title}>{alert.title}</Title>
      <p class="lead">{alert.sentence}</p>
      {alert.locked && <StopCard />}
      {canAcknowledge && (
        <p class="no-print">
          <button class="button" onClick={() => setAcknowledging(true)}>Acknowledge</button>
        </p>
      )}
      {alert.late && <p class="inset">This reached us late: the device was offline when it happened.</p>}

      <div class="columns">
        <div>
          <Reasons alert={alert} me={me} />
          <h2 class="heading-m">What happened, in order</h2>
          <TimeLine alert={alert} />
          {me.may.write && !alert.locked && alert.evidence.some((line) => line.host) && <RelatedDevices alert={alert} />}
        </div>
        <aside>
          <Facts alert={alert} />
        </aside>
      </div>

      {me.may.write && <Update alert={alert} me={me} onChange={changed} />}
      {me.may.write && alert.subject.startsWith("P-") && <NamePanel alert={alert} names={names} />}
      {alert.notes && <Notes alert={alert} me={me} onChange={changed} />}
      {alert.incident && <IncidentLog alert={alert} me={me} onChange={changed} />}
      {me.may.write && <Attachments alert={alert} />}
      {me.may.write && <Custody alert={alert} me={me} onChange={changed} />}
      {acknowledging && <Acknowledge alert={alert} onSave={acknowledge} onClose={() => setAcknowledging(false)} />}
    </article>
  );
}

const BackLink = () => (
  <p class="back no-print"><a href="/" onClick={followLink}>Back to all alerts</a></p>
);

// A letter home is drafted for a pupil; the server says where there is none.
function Letterhead({ alert, me }: { alert: WholeAlert; me: Me }) {
  if (!me.may.write || alert.locked || !alert.subject.startsWith("P-") || !alert.category) return null;
  return (
    <p class="no-print">
      <a href={`/alerts/${alert.id}/letter`} onClick={followLink}>Draft a letter to parents or carers</a>
    </p>
  );
}

// A device's own trouble: nobody has to be spoken for.
const aboutDevice = (alert: WholeAlert): boolean => alert.subject.startsWith("D-") && !alert.category;

function Reasons({ alert, me }: { alert: WholeAlert; me: Me }) {
  return (
    <dl class="reasons">
      {alert.why && <Row name="Why you see this">{alert.why}</Row>}
      <Row name={aboutDevice(alert) ? "What may explain it" : "What speaks for the person"}>
        {alert.in_favour || "Nothing that Schoolgate can see. That does not mean there is nothing: ask."}
      </Row>
      {alert.next_step && (
        <Row name="What to do next">
          <p>{alert.next_step}</p>
          <Letterhead alert={alert} me={me} />
        </Row>
      )}
      {alert.contacts && alert.contacts.length > 0 && (
        <Row name="Whom it may have to be told">
          <ContactLines contacts={alert.contacts} />
          <p class="hint">Only if you decide so: nobody has been told.</p>
        </Row>
      )}
      {(alert.policy || alert.clause) && (
        <Row name="What your school’s policy says">
          <PolicyWords alert={alert} />
          <p class="hint">For information. What happens is decided by people, not by this system.</p>
        </Row>
      )}
    </dl>
  );
}

function Facts({ alert }: { alert: WholeAlert }) {
  const person = alert.subject.startsWith("P-");
  return (
    <dl class="facts">
      <Row name="Who">
        {person
          ? <>{alert.subject}<span class="hint"> An alias. The name is sealed and takes two senior people to open.</span></>
          : <>Not known<span class="hint"> Nobody in particular: only the device is known.</span></>}
      </Row>
      {alert.group && <Row name="Group">{capital(alert.policy?.group || groupWord(alert.group))}</Row>}
      <Row name="Device">{alert.device_name || alert.device || "Not known"}</Row>
      {alert.category && <Row name="Kind">{categoryWord(alert.category)}</Row>}
      {alert.count > 0 && <Row name="How often">{times(alert.count)}</Row>}
      <Row name="From">{shortTime(alert.first)}</Row>
      {alert.last !== alert.first && <Row name="To">{shortTime(alert.last)}</Row>}
      <Row name="Raised">{shortTime(alert.raised)}</Row>
      <Row name="Number">{alert.id}</Row>
      {alert.trace && <Row name="Trace"><code>{alert.trace}</code></Row>}
    </dl>
  );
}
