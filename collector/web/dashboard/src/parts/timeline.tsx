import type { Evidence, WholeAlert } from "../api";
import { clockWord, dayWord, wholeDay } from "../time";
import { actionWord, times } from "../words";

const first = 12;

export function TimeLine({ alert }: { alert: WholeAlert }) {
  const lines = [...alert.evidence].sort((a, b) => (a.time < b.time ? -1 : 1));
  if (lines.length === 0) return <p>No single contacts were recorded for this alert.</p>;
  const days = new Map<string, Evidence[]>();
  for (const line of lines.slice(0, first)) {
    const day = wholeDay(line.time);
    days.set(day, [...(days.get(day) ?? []), line]);
  }
  const rest = lines.slice(first);
  return (
    <>
      {alert.shared_reasons && <p class="hint" data-shared>Each time: {alert.shared_reasons}.</p>}
      {[...days].map(([day, some]) => (
        <section key={day}>
          <h3 class="heading-s day">{day}</h3>
          <Lines lines={some} />
        </section>
      ))}
      {rest.length > 0 && (
        <details>
          <summary>{rest.length} more</summary>
          <Lines lines={rest} days />
        </details>
      )}
    </>
  );
}

// What the sentence says already is not said again.
const outcome = (line: Evidence): string => {
  const word = actionWord[line.action];
  return word && !line.sentence.toLowerCase().includes(word.toLowerCase()) ? word : "";
};

function Lines({ lines, days = false }: { lines: Evidence[]; days?: boolean }) {
  return (
    <ol class="timeline">
      {lines.map((line, number) => (
        <li key={number} class={`line line-${line.action}`}>
          <time dateTime={line.time}>{days && `${dayWord(line.time)}, `}{clockWord(line.time, true)}</time>
          <span>
            {line.sentence || (line.host && `Contacted host ${line.host}.`)}{" "}
            {line.count > 1 && <>{times(line.count)}. </>}
            {outcome(line) && <strong class={`outcome outcome-${line.action}`}>{outcome(line)}</strong>}
          </span>
        </li>
      ))}
    </ol>
  );
}
