import { useState } from "preact/hooks";
import { sorry } from "../api";
import type { Share } from "../open/sealing";
import { ErrorSummary } from "./bits";

const mostBytes = 65536;

export const shareWords = (error: unknown): string =>
  error instanceof Error && error.name === "share" ? error.message : sorry(error);

// Somebody's own share: its file and its passphrase. Neither leaves the
// window.
export function ShareForm({ id, keyId, button, onShare }: {
  id: number; keyId: string; button: string; onShare: (share: Share) => Promise<void>;
}) {
  const [file, setFile] = useState<File | null>(null);
  const [passphrase, setPassphrase] = useState("");
  const [error, setError] = useState<[string, string]>(["", ""]);
  const [busy, setBusy] = useState(false);
  const fileId = `share-file-${id}`;
  const passId = `share-passphrase-${id}`;

  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setError(["", ""]);
    if (!file) return setError(["Choose the file with your share.", fileId]);
    if (!passphrase.trim()) return setError(["Enter the passphrase of your share.", passId]);
    setBusy(true);
    try {
      const { openShare } = await import("../open/sealing");
      const share = await openShare(file.size > mostBytes ? "" : await file.text(), passphrase, keyId);
      setPassphrase("");
      await onShare(share);
    } catch (problem) {
      setError([shareWords(problem), passId]);
    } finally {
      setBusy(false);
    }
  };

  return (
    <form onSubmit={submit} noValidate autocomplete="off">
      <ErrorSummary message={error[0]} field={error[1] || undefined} />
      <p class="field">
        <label for={fileId}>Your share</label>
        <span class="hint" id={`${fileId}-hint`}>The file on your USB stick, with “name-share” in its name. It stays on this computer.</span>
        <input type="file" id={fileId} accept=".json,application/json" aria-describedby={`${fileId}-hint`}
          onChange={(event) => setFile(event.currentTarget.files?.[0] ?? null)} />
      </p>
      <p class="field">
        <label for={passId}>Passphrase of your share</label>
        <span class="hint" id={`${passId}-hint`}>Not your log-in password. It was given to you with the share.</span>
        <input type="password" id={passId} autocomplete="off" value={passphrase} aria-describedby={`${passId}-hint`}
          onInput={(event) => setPassphrase(event.currentTarget.value)} />
      </p>
      <p class="buttons">
        <button class="button" disabled={busy}>{button}</button>
        <span role="status">{busy ? "Unlocking. This takes a few seconds." : ""}</span>
      </p>
    </form>
  );
}
