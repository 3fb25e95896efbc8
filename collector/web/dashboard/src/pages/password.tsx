import { useState } from "preact/hooks";
import { Refused, post, sorry, type Me } from "../api";
import { ErrorSummary, Title } from "../parts/bits";
import { SecondFactor } from "../parts/second_factor";
import { go } from "../router";

export function PasswordPage({ me, onDone }: { me: Me; onDone: (me: Me) => void }) {
  const first = me.must_change_password;
  const [added, setAdded] = useState<Me | null>(null);
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [again, setAgain] = useState("");
  const [error, setError] = useState<[string, string]>(["", ""]);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (!old) return setError(["Enter your present password.", "old"]);
    if (fresh !== again) return setError(["The two new passwords are not the same.", "again"]);
    try {
      const session = await post<Me>("/api/v1/password", { old_password: old, new_password: fresh });
      go("/");
      onDone(session);
    } catch (problem) {
      setError([sorry(problem), problem instanceof Refused && problem.code === "wrong_old" ? "old" : "fresh"]);
    }
  };

  const field = (id: string, label: string, value: string, set: (text: string) => void, complete: string) => (
    <p class="field">
      <label for={id}>{label}</label>
      <input id={id} type="password" autoComplete={complete as "new-password"} maxLength={256} value={value}
        onInput={(event) => set(event.currentTarget.value)} />
    </p>
  );

  if (me.must_add_code && !first) {
    // The recovery codes are shown once: the page stays until they are kept.
    return (
      <div class="narrow">
        <Title tab="Authenticator">Add an authenticator</Title>
        <p>Your school wants everybody in your role to log in with a code as well. Nothing else opens before.</p>
        <SecondFactor me={added ?? me} onDone={setAdded} />
        {added && <p><button class="button" onClick={() => onDone(added)}>I have kept the codes. Go on</button></p>}
      </div>
    );
  }
  return (
    <div class="narrow">
      <ErrorSummary message={error[0]} field={error[1]} />
      <Title tab="New password">{first ? "Choose your own password" : "Change your password"}</Title>
      {first && <p>The password you were given works once. Choose one that only you know.</p>}
      <p>Use at least 12 characters. Three or four unrelated words work well.</p>
      <form onSubmit={submit} noValidate>
        {field("old", first ? "The password you were given" : "Present password", old, setOld, "current-password")}
        {field("fresh", "New password", fresh, setFresh, "new-password")}
        {field("again", "New password again", again, setAgain, "new-password")}
        <button class="button">Save the new password</button>
      </form>
      {!first && <SecondFactor me={me} onDone={onDone} />}
    </div>
  );
}
