// What is kept about the reader.
import { useEffect, useState } from "preact/hooks";
import { get, sorry, type OwnRecord } from "../api";
import { ErrorSummary, Title } from "../parts/bits";
import { RecordTable } from "../parts/record_table";
import { fullTime } from "../time";

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
      {record && record.names_opened?.map((one) => (
        <p key={one.opened} class="inset">
          <b>Your name was opened</b> on {fullTime(one.opened)} by {one.by.join(" and ")}, together. Either of them tells you why. If
          you think that it was wrong, speak to the data protection officer or a governor.
        </p>
      ))}
      {record && <RecordTable lines={record.lines} keepDays={record.keep_days} whose="You" />}
      <p>
        A contact is one connection to a host; it does not say that you meant it. Is something wrong? Say so with{" "}
        <code>schoolgate report</code> on the device, or tell the data protection officer. Who looked at what is on record
        and read by the head and a governor.
      </p>
    </>
  );
}
