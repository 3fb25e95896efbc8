import { useState } from "preact/hooks";
import { download, post, sorry, type Me, type WholeAlert } from "../api";
import { ErrorSummary } from "./bits";
import { fullTime } from "../time";

// The hash of a pack's last record names the pack.
const packHash = (pack: string): string => pack.trimEnd().split("\n").slice(-2)[0]?.slice(0, 64) ?? "";

// Keeping a case from being erased, and taking it to those who look into it
// elsewhere.
export function Custody({ alert, me, onChange }: {
  alert: WholeAlert; me: Me; onChange: (alert: WholeAlert) => void;
}) {
  const [reason, setReason] = useState("");
  const [error, setError] = useState<[string, string]>(["", ""]);
  const [hash, setHash] = useState("");
  const hold = alert.hold;
  const mine = hold?.account === me.name;

  const submit = async (event: Event) => {
    event.preventDefault();
    if (!reason.trim()) return setError(["Enter a reason.", "hold-reason"]);
    try {
      onChange(await post<WholeAlert>(`/api/v1/alerts/${alert.id}/hold`, { hold: !hold, reason }));
      setReason("");
      setError(["", ""]);
    } catch (problem) {
      setError([sorry(problem), ""]);
    }
  };
  const take = async () => {
    try {
      setHash(packHash(await download("POST", `/api/v1/alerts/${alert.id}/pack`, `schoolgate-case-${alert.id}.pack`)));
      setError(["", ""]);
    } catch (problem) {
      setError([sorry(problem), ""]);
    }
  };

  return (
    <section class="custody no-print" aria-labelledby="custody-title">
      <h2 id="custody-title" class="heading-m">Keep and hand over</h2>
      <ErrorSummary message={error[0]} field={error[1] || undefined} />
      {hold && (
        <p class="inset">
          On hold since {fullTime(hold.since)}, set by {hold.by}: “{hold.reason}”. Nothing of it is erased.
          {mine && " Somebody else than you has to lift the hold."}
        </p>
      )}
      {!mine && (
        <form onSubmit={submit} noValidate>
          <p class="field">
            <label for="hold-reason">{hold ? "Why is the hold lifted?" : "Why must this be kept?"}</label>
            <span class="hint" id="hold-hint">
              {hold ? "After that the usual time limits apply again."
                : "A legal hold keeps this case, also when its time is over: for the police, a court or a complaint."}
            </span>
            <input id="hold-reason" aria-describedby="hold-hint" maxLength={1000} value={reason}
              onInput={(event) => setReason(event.currentTarget.value)} />
          </p>
          <button class="button secondary">{hold ? "Lift the hold" : "Set a legal hold"}</button>
        </form>
      )}
      <h3 class="heading-s">Custody pack</h3>
      <p>
        One file with all that is known of this case, under the alias: time line, stored events, notes, incident log and
        who looked at it. Whoever receives it can check that nothing was changed.
      </p>
      <p class="buttons">
        <button class="button secondary" onClick={take}>Make a custody pack</button>
      </p>
      <div role="status">
        {hash && (
          <p class="inset good">
            The pack is made. Its check number is <span class="hash">{hash}</span>; write it down or read it out to
            whoever receives the pack. It is on record as well.
          </p>
        )}
      </div>
    </section>
  );
}
