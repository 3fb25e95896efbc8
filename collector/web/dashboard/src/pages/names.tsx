import { useEffect, useState } from "preact/hooks";
import { get, post, sorry } from "../api";
import { isToTell, type Names, type ToTell } from "../names";
import { ErrorSummary, Title } from "../parts/bits";
import { NameCard } from "../parts/name";
import { followLink } from "../router";
import { fullTime } from "../time";

// Requests to open a name: those that wait for the reader, and their own.
export function NamesPage({ names }: { names: Names }) {
  useEffect(() => {
    // Puts on record that the page was opened.
    void get("/api/v1/names").catch(() => {});
  }, []);
  const requests = [...names.requests].reverse();
  return (
    <>
      <Title tab="Names">Names</Title>
      <p class="lead">
        Schoolgate knows people by an alias. A name is opened by two senior people together, never by one, and every
        step is on record.
      </p>
      {requests.length === 0 && (
        <div class="quiet">
          <p><b>Nobody is asking for a name.</b> To ask for one, open the alert and go to “The person’s name”.</p>
        </div>
      )}
      {requests.map((one) => (
        <section key={one.id} class="panel" aria-labelledby={`request-${one.id}`}>
          <h2 class="heading-m" id={`request-${one.id}`}>
            {one.mine ? "Your request" : `Request of ${one.requester}`}, alert {one.alert}
          </h2>
          <NameCard request={one} names={names} />
          {one.sees_alert
            ? <p><a href={`/alerts/${one.alert}`} onClick={followLink}>Open alert {one.alert}</a></p>
            : <p class="hint">The alert itself is not yours to read: it is about somebody whose alerts go to others.</p>}
        </section>
      ))}
      <Telling names={names} />
    </>
  );
}

// The person is told afterwards: by their own record, or by one of the two.
function Telling({ names }: { names: Names }) {
  const [error, setError] = useState("");
  const told = (one: ToTell) =>
    void post(`/api/v1/names/${one.number}/told`).then(() => { setError(""); return names.reload(); },
      (problem) => setError(sorry(problem)));
  if (names.toTell.length === 0) return null;
  return (
    <section aria-labelledby="telling">
      <h2 class="heading-m" id="telling">Do they know?</h2>
      <p>
        Whoever’s name was opened is told afterwards. People with an account here read it under “My record”; everybody
        else is told by a person.
      </p>
      <ErrorSummary message={error} />
      <table class="table">
        <thead>
          <tr><th scope="col">Case</th><th scope="col">Opened</th><th scope="col">Told</th></tr>
        </thead>
        <tbody>
          {[...names.toTell].reverse().map((one) => (
            <tr key={one.number}>
              <th scope="row"><a href={`/alerts/${one.alert}`} onClick={followLink}>Alert {one.alert}</a></th>
              <td data-label="Opened">{fullTime(one.opened)}<span class="hint block">by {one.requester}, with {one.approver}</span></td>
              <td data-label="Told">
                {one.told && (one.told_by ? `${fullTime(one.told)}, by ${one.told_by}` : `They read it on ${fullTime(one.told)}`)}
                {!one.told && !one.due && (
                  <>Not before {fullTime(one.tell_from)}<span class="hint block">{one.later_reason}</span></>
                )}
                {!one.told && one.due && one.on_their_record && "Stands in their record, not read yet"}
                {isToTell(one) && (
                  <>
                    <strong class="tag tag-rule_break">To be told</strong>
                    <span class="block"><button class="link-button" onClick={() => told(one)}>
                      The person has been told<span class="hidden"> about alert {one.alert}</span>
                    </button></span>
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
