import { useEffect } from "preact/hooks";
import { get } from "../api";
import type { Names } from "../names";
import { Title } from "../parts/bits";
import { NameCard } from "../parts/name";
import { followLink } from "../router";

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
    </>
  );
}
