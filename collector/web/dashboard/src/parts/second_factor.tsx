import { useState } from "preact/hooks";
import { get, post, sorry, type Me } from "../api";
import { ErrorSummary } from "./bits";

const inGroups = (key: string): string => key.match(/.{1,4}/g)?.join(" ") ?? key;

// A code from an authenticator beside the password.
export function SecondFactor({ me, onDone }: { me: Me; onDone: (me: Me) => void }) {
  const [key, setKey] = useState<{ key: string; link: string } | null>(null);
  const [recovery, setRecovery] = useState<string[]>([]);
  const [code, setCode] = useState("");
  const [error, setError] = useState("");

  const send = async (step: "begin" | "confirm" | "remove") => {
    try {
      const answer = await post<{ key?: string; link?: string; recovery_codes?: string[] }>(
        "/api/v1/second-factor", { step, code });
      setError("");
      setCode("");
      if (answer.key && answer.link) return setKey({ key: answer.key, link: answer.link });
      setKey(null);
      setRecovery(answer.recovery_codes ?? []);
      onDone(await get<Me>("/api/v1/session"));
    } catch (problem) {
      setError(sorry(problem));
    }
  };
  const submit = (step: "confirm" | "remove") => (event: Event) => {
    event.preventDefault();
    void send(step);
  };
  const codeField = (
    <p class="field">
      <label for="factor-code">Code that it shows now</label>
      <input id="factor-code" inputMode="numeric" autoComplete="one-time-code" maxLength={40} value={code}
        onInput={(event) => setCode(event.currentTarget.value)} />
    </p>
  );

  return (
    <section aria-labelledby="factor-title">
      <h2 id="factor-title" class="heading-m">Authenticator</h2>
      <ErrorSummary message={error} />
      {recovery.length > 0 && (
        <div class="inset good" role="status">
          <p><b>From now on logging in takes a code as well.</b> Print these recovery codes or write them down. Each works once, when
            your authenticator is not at hand. They are not shown again.</p>
          <ul class="codes">{recovery.map((one) => <li key={one}>{one}</li>)}</ul>
          <button class="button secondary no-print" onClick={() => print()}>Print</button>
        </div>
      )}
      {me.second_factor && recovery.length === 0 && (
        <form onSubmit={submit("remove")} noValidate>
          <p>Logging in takes a code from your authenticator. To change to another one, remove this one first.</p>
          {codeField}
          <button class="button secondary">Remove the authenticator</button>
        </form>
      )}
      {!me.second_factor && !key && (
        <>
          <p>
            An authenticator is a program on a telephone that shows a new code every half minute. With one, a stolen
            password alone opens nothing.
          </p>
          <button class="button secondary" onClick={() => void send("begin")}>Add an authenticator</button>
        </>
      )}
      {!me.second_factor && key && (
        <form onSubmit={submit("confirm")} noValidate>
          <p>
            Enter this key in your authenticator, as “time based”. On a telephone, <a href={key.link}>this link</a> does
            it.
          </p>
          <p class="hash"><b>{inGroups(key.key)}</b></p>
          {codeField}
          <button class="button">Confirm</button>
        </form>
      )}
    </section>
  );
}
