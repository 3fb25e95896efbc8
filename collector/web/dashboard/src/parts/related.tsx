// What else was at the same hosts at that time: often the reason is one page.
import { useEffect, useState } from "preact/hooks";
import { get, sorry, type Related, type WholeAlert } from "../api";
import { followLink } from "../router";
import { clockWord, dayWord } from "../time";
import { StateTag } from "./bits";

const devices = (n: number): string => (n === 1 ? "1 other device" : `${n} other devices`);

const during = (first: string, last: string): string => {
  const from = clockWord(first);
  const to = clockWord(last);
  return `${dayWord(first)}, ${from === to ? from : `${from} to ${to}`}`;
};

export function RelatedDevices({ alert }: { alert: WholeAlert }) {
  const [related, setRelated] = useState<Related | null>(null);
  const [error, setError] = useState("");
  useEffect(() => {
    get<Related>(`/api/v1/alerts/${alert.id}/related`, true).then(setRelated, (problem) => setError(sorry(problem)));
  }, [alert.id, alert.count]);
  return (
    <section aria-labelledby="related-title" data-related>
      <h2 class="heading-m" id="related-title">Other devices at the same time</h2>
      {error && <p class="hint">{error}</p>}
      {!related && !error && <p class="loading">Loading</p>}
      {related && <Shown related={related} />}
    </section>
  );
}

function Shown({ related }: { related: Related }) {
  const most = Math.max(0, ...related.hosts.map((one) => one.devices));
  return (
    <>
      {related.hosts.length === 0 && related.alerts.length === 0 && (
        <p>No other device that you may know of was at the same hosts within {related.minutes} minutes.</p>
      )}
      {related.hosts.length > 0 && (
        <ul class="plain-list">
          {related.hosts.map((one) => (
            <li key={one.host}><b>{one.host}</b>: {devices(one.devices)} ({during(one.first, one.last)})</li>
          ))}
        </ul>
      )}
      {most >= 3 && (
        <p>
          So many at once often have one cause: a link on a page, a lesson, a fault. Ask the teacher before you ask the
          pupil.
        </p>
      )}
      {related.alerts.length > 0 && (
        <>
          <h3 class="heading-s">Alerts about them</h3>
          <ul class="plain-list">
            {related.alerts.map((one) => (
              <li key={one.id}>
                <a href={`/alerts/${one.id}`} onClick={followLink}>{one.title}</a> <StateTag state={one.state} />
                <span class="hint block">{one.sentence}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      <p class="hint">
        Within {related.minutes} minutes of a contact above. Devices without an alert are counted and not named.
        {related.more && " The school was busy then: there may be more."}
      </p>
    </>
  );
}
