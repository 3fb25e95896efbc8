import { useEffect, useState } from "preact/hooks";
import { Refused, post, sorry, type Me } from "../api";
import { goToDirectory, logInWays, type LogInWays, type Returned } from "../directory";
import { ErrorSummary } from "../parts/bits";
import { Footer } from "../parts/frame";

export function LogInPage({ why, returned, onIn }: { why: string; returned: Returned | null; onIn: (me: Me) => void }) {
  const [ways, setWays] = useState<LogInWays | null>(null);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  // Asked for after the password, by those who have an authenticator.
  const [code, setCode] = useState<string | null>(null);
  const [shown, setShown] = useState(false);
  const [error, setError] = useState(returned?.problem?.message ?? "");
  // Who it is, the directory has said already.
  const [known, setKnown] = useState(returned?.code ?? false);
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    document.title = "Log in – Schoolgate";
    logInWays().then(setWays, () => setWays(null));
  }, []);

  const leave = async () => {
    if (busy) return;
    setBusy(true);
    setError("");
    try {
      await goToDirectory();
    } catch (problem) {
      setError(sorry(problem));
      setBusy(false);
    }
  };

  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError("");
    try {
      onIn(await post<Me>("/api/v1/login", code === null ? { name, password } : { name, password, code }));
    } catch (problem) {
      setBusy(false);
      const wanted = problem instanceof Refused && ["code", "wrong_code"].includes(problem.code);
      if (wanted) setCode("");
      else {
        setCode(null);
        setPassword("");
      }
      if (!wanted || code !== null) setError(sorry(problem));
    }
  };

  return (
    <>
      <header class="header">
        <div class="width header-row"><span class="brand">Schoolgate</span></div>
      </header>
      <main id="main" class="width log-in">
        <ErrorSummary message={error} field={code === null ? "name" : "code"} />
        {why && !error && <p class="inset" role="status">{why}</p>}
        <h1>Log in</h1>
        <p class="intro">
          For the people who look after online safety at your school. Everything you look at is put on record.
        </p>
        {known
          ? <DirectoryCode onIn={onIn} onOver={(message) => { setError(message); setKnown(false); }} />
          : ways?.directory && (
            <>
              <p>
                <button type="button" class="button" disabled={busy} onClick={() => void leave()}>
                  Log in with {ways.directory.name}
                </button>
              </p>
              <h2 class="heading-s">Or with the password you have here</h2>
            </>
          )}
        {!known && <form onSubmit={submit} noValidate>
          <p class="field">
            <label for="name">User name</label>
            <input id="name" name="username" autoComplete="username" autoCapitalize="none" spellcheck={false}
              maxLength={64} value={name} onInput={(event) => setName(event.currentTarget.value)} />
          </p>
          <p class="field">
            <label for="password">Password</label>
            <span class="password">
              <input id="password" name="password" type={shown ? "text" : "password"} autoComplete="current-password"
                maxLength={256} value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
              <button type="button" class="button secondary" onClick={() => setShown(!shown)}
                aria-label={shown ? "Hide password" : "Show password"}>
                {shown ? "Hide" : "Show"}
              </button>
            </span>
          </p>
          {code !== null && (
            <p class="field">
              <label for="code">Code</label>
              <span class="hint" id="code-hint">From your authenticator, or one of your recovery codes.</span>
              <input id="code" name="code" autoComplete="one-time-code" aria-describedby="code-hint" maxLength={40}
                ref={(field) => field?.focus()} value={code} onInput={(event) => setCode(event.currentTarget.value)} />
            </p>
          )}
          <button class={ways?.directory ? "button secondary" : "button"} disabled={busy}>{busy ? "Logging in" : "Log in"}</button>
        </form>}
      </main>
      <Footer />
    </>
  );
}

// The directory has said who it is; this account has an authenticator as well.
function DirectoryCode({ onIn, onOver }: { onIn: (me: Me) => void; onOver: (message: string) => void }) {
  const [code, setCode] = useState("");
  const [error, setError] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      onIn(await post<Me>("/api/v1/directory/code", { code }));
    } catch (problem) {
      if (problem instanceof Refused && problem.code === "begin_again") return onOver(problem.message);
      setCode("");
      setError(sorry(problem));
    }
  };
  return (
    <form onSubmit={submit} noValidate>
      <ErrorSummary message={error} field="directory-code" />
      <p class="field">
        <label for="directory-code">Code</label>
        <span class="hint" id="directory-code-hint">From your authenticator, or one of your recovery codes.</span>
        <input id="directory-code" name="code" autoComplete="one-time-code" aria-describedby="directory-code-hint"
          maxLength={40} ref={(field) => field?.focus()} value={code}
          onInput={(event) => setCode(event.currentTarget.value)} />
      </p>
      <button class="button">Log in</button>
    </form>
  );
}
