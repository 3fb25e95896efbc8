import { useState } from "preact/hooks";
import { downloadFile, post, sorry, type Attachment, type WholeAlert } from "../api";
import { fullTime } from "../time";
import { ErrorSummary } from "./bits";

const mostBytes = 5 * 1024 * 1024;

const size = (bytes: number): string =>
  bytes < 1024 * 1024 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;

const kind: Record<string, string> = {
  "image/png": "picture", "image/jpeg": "picture", "image/webp": "picture", "application/pdf": "PDF",
};

const base64 = (file: File): Promise<string> => new Promise((done, failed) => {
  const reader = new FileReader();
  reader.onload = () => done(String(reader.result).replace(/^data:[^,]*,/, ""));
  reader.onerror = () => failed(reader.error);
  reader.readAsDataURL(file);
});

// Files of a case. They are handed out, never shown here.
export function Attachments({ alert }: { alert: WholeAlert }) {
  const [files, setFiles] = useState<Attachment[]>(alert.attachments ?? []);
  const [error, setError] = useState<[string, string]>(["", ""]);
  const [removing, setRemoving] = useState<number | null>(null);
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);

  const act = async (what: () => Promise<{ attachments: Attachment[] }>, field: string) => {
    setBusy(true);
    try {
      setFiles((await what()).attachments);
      setError(["", ""]);
      setRemoving(null);
      setReason("");
    } catch (problem) {
      setError([sorry(problem), field]);
    }
    setBusy(false);
  };
  const add = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement;
    const file = input.files?.[0];
    if (!file) return;
    if (file.size > mostBytes) {
      input.value = "";
      return setError(["A file may have 5 MB at most.", "attach"]);
    }
    void act(async () => post<{ attachments: Attachment[] }>(`/api/v1/alerts/${alert.id}/attachments`,
      { name: file.name, base64: await base64(file) }), "attach").then(() => { input.value = ""; });
  };
  const remove = (event: Event) => {
    event.preventDefault();
    void act(() => post(`/api/v1/attachments/${removing}/remove`, { reason }), "remove-reason");
  };

  return (
    <section class="no-print" aria-labelledby="attachments-title">
      <h2 id="attachments-title" class="heading-m">Files</h2>
      <ErrorSummary message={error[0]} field={error[1] || undefined} />
      {alert.locked
        ? (
          <p class="inset">
            Nothing may be attached here. Illegal material must not be copied or stored, not even as evidence: that can be an
            offence of its own. Leave it where it is and call the police.
          </p>
        )
        : (
          <>
            {files.length > 0 && (
              <ul class="files">
                {files.map((one) => (
                  <li key={one.id}>
                    <button class="link-button" onClick={() =>
                      void downloadFile(`/api/v1/attachments/${one.id}`, one.name).catch((problem) => setError([sorry(problem), ""]))}>
                      {one.name}
                    </button>{" "}
                    <span class="hint">
                      {kind[one.type] ?? "text"}, {size(one.bytes)}, added by {one.added_by}, {fullTime(one.added)}
                    </span>{" "}
                    {!alert.hold && removing !== one.id && (
                      <button class="link-button" aria-label={`Remove ${one.name}`} onClick={() => setRemoving(one.id)}>Remove</button>
                    )}
                    {removing === one.id && (
                      <form onSubmit={remove} noValidate>
                        <p class="field">
                          <label for="remove-reason">Why is it removed? It is gone for good.</label>
                          <input id="remove-reason" maxLength={500} value={reason}
                            onInput={(event) => setReason(event.currentTarget.value)} />
                        </p>
                        <button class="button secondary" disabled={busy}>Remove the file</button>
                      </form>
                    )}
                  </li>
                ))}
              </ul>
            )}
            <p class="field">
              <label for="attach">Add a file</label>
              <span class="hint" id="attach-hint">
                A picture, a PDF or plain text, 5 MB at most, 10 files a case. Only what the case needs, and no names that need
                not be there. It is kept as long as the case, sealed, and is part of its custody pack.
              </span>
              <input id="attach" type="file" accept=".png,.jpg,.jpeg,.webp,.pdf,.txt" aria-describedby="attach-hint" disabled={busy}
                onChange={add} />
            </p>
          </>
        )}
    </section>
  );
}
