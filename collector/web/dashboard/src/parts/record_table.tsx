import type { OwnRecord } from "../api";
import { shortTime } from "../time";
import { categoryWord } from "../words";

type Line = OwnRecord["lines"][number];

const decided: Record<string, string> = {
  allow: "It was allowed.", record: "It was allowed and recorded.", warn: "A warning was shown.",
};

const contactWords = ({ host, action = "" }: Line): string =>
  action === "block" ? `Tried to reach host ${host}; it was blocked.` : `Contacted host ${host}. ${decided[action] ?? ""}`;

// Never an accusation: what a program took it for, and why.
const judgedWords = ({ host, grade, words }: Line, whose: "You" | "They"): string => {
  const where = host || "hosts that are not recorded";
  const [who, whom] = whose === "You" ? ["you", "you"] : ["they", "them"];
  const because = words ? ` Why: ${words}.` : "";
  switch (grade) {
    case "opened": return `The device took it that ${who} opened ${where}.${because}`;
    case "attempt": return `The device took it that ${who} tried to open ${where}; it was blocked.${because}`;
    case "landed": return `The device took it that ${who} came to ${where} by accident: it was left at once.${because}`;
    case "automatic": return `The device took it that a page or a program contacted ${where}, not ${who}: it does not count against ${whom}.${because}`;
    default: return `The device could not tell whether ${who} meant ${where}: it does not count against ${whom}.${because}`;
  }
};

const erasedOn = (line: Line, days: number): string => shortTime(new Date(Date.parse(line.time) + days * 864e5).toISOString());

// What is kept about one person. `whose`: "You" or "They".
export function RecordTable({ lines, keepDays, whose }: { lines: Line[]; keepDays: number; whose: "You" | "They" }) {
  if (lines.length === 0) return <p>Nothing that school devices sent about {whose === "You" ? "you" : "them"} is kept now.</p>;
  return (
    <table class="table">
      <thead>
        <tr><th scope="col">When</th><th scope="col">What</th><th scope="col">Kind</th><th scope="col">Erased on</th></tr>
      </thead>
      <tbody>
        {lines.map((line, number) => (
          <tr key={number}>
            <th scope="row">{shortTime(line.time)}</th>
            <td data-label="What">
              {line.what === "contact" && contactWords(line)}
              {line.what === "judged" && judgedWords(line, whose)}
              {line.what === "report" && `${whose} reported ${line.host || "a host"}${line.words ? `: “${line.words}”` : ""}`}
              {line.what === "notice" && `${whose} accepted the notice of ${line.words}`}
            </td>
            <td data-label="Kind">{(line.categories ?? []).map(categoryWord).join(", ")}</td>
            <td data-label="Erased on">{keepDays > 0 ? erasedOn(line, keepDays) : "Not set"}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
