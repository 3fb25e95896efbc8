// What is kept about the reader.
import { useEffect, useState } from "preact/hooks";
import { get, sorry, type OwnRecord } from "../api";
import { ErrorSummary, Title } from "../parts/bits";
import { shortTime } from "../time";
import { categoryWord } from "../words";

type Line = OwnRecord["lines"][number];

const decided: Record<string, string> = { block: "Blocked", allow: "Allowed", record: "Recorded", warn: "Warned" };

const erasedOn = (line: Line, days: number): string => shortTime(new Date(Date.parse(line.time) + days * 864e5).toISOString());

export function OwnRecordPage() {
  const [record, setRecord] = useState<OwnRecord | null>(null);
  const [error, setError] = useState("");
  useEffect(() => {
    get<OwnRecord>("/api/v1/my-record").then(setRecord, (problem) => setError(sorry(problem)));
  }, []);
  return (
    <>
      <Title tab="My record">My record</Title>
      <p class="lead">What school devices sent about you, kept under an alias that only two senior people together can open.</p>
      <ErrorSummary message={error} />
      {record?.lines.length === 0 && <p>Nothing is kept about you.</p>}
      {record && record.lines.length > 0 && (
        <table class="table">
          <thead>
            <tr><th scope="col">When</th><th scope="col">What</th><th scope="col">Kind</th><th scope="col">Erased on</th></tr>
          </thead>
          <tbody>
            {record.lines.map((line, number) => (
              <tr key={number}>
                <th scope="row">{shortTime(line.time)}</th>
                <td data-label="What">
                  {line.what === "contact" && `Contacted host ${line.host}. ${decided[line.action ?? ""] ?? ""}`}
                  {line.what === "report" && `You reported ${line.host || "a host"}${line.words ? `: “${line.words}”` : ""}`}
                  {line.what === "notice" && `You accepted the notice of ${line.words}`}
                </td>
                <td data-label="Kind">{(line.categories ?? []).map(categoryWord).join(", ")}</td>
                <td data-label="Erased on">{record.keep_days > 0 ? erasedOn(line, record.keep_days) : "Not set"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p>
        A contact is one connection to a host; it does not say that you meant it. Is something wrong? Say so with{" "}
        <code>schoolgate report</code> on the device, or tell the data protection officer. Who looked at what is on record
        and read by the head and a governor.
      </p>
    </>
  );
}
