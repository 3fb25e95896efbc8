import { useEffect, useState } from "preact/hooks";
import { get, post, sorry, type Contact } from "../api";
import { ErrorSummary, Title } from "../parts/bits";
import { ContactWays } from "../parts/contacts";
import { fullTime } from "../time";

interface Book { contacts: Contact[] }

// Whom the school tells outside, by role, before it is needed in a hurry.
export function ContactsPage() {
  const [book, setBook] = useState<Contact[] | null>(null);
  const [editing, setEditing] = useState("");
  const [error, setError] = useState("");
  useEffect(() => {
    get<Book>("/api/v1/contacts").then((answer) => setBook(answer.contacts), (problem) => setError(sorry(problem)));
  }, []);
  const missing = book?.filter((one) => one.missing).length ?? 0;
  return (
    <>
      <Title tab="Whom to tell">Whom to tell outside</Title>
      <p class="lead">
        Beside each alert stand those of these lines that it may concern. Schoolgate tells nobody by itself: people do.
      </p>
      <ErrorSummary message={error} />
      {!book && !error && <p class="loading">Loading</p>}
      {missing > 0 && <p class="inset">{missing === 1 ? "1 line is" : `${missing} lines are`} still empty.</p>}
      {book?.map((one) => (
        <section key={one.id} class="contact" aria-labelledby={`contact-${one.id}`}>
          <h2 class="heading-s" id={`contact-${one.id}`}>{one.title}</h2>
          <p class="hint">{one.when}</p>
          {editing === one.id
            ? <Edit contact={one} onDone={(fresh) => { if (fresh) setBook(fresh); setEditing(""); }} />
            : (
              <>
                {one.missing ? <p>Not written down yet.</p> : <p><ContactWays contact={one} /></p>}
                <p>
                  <button class="link-button no-print" onClick={() => setEditing(one.id)}>
                    {one.missing ? "Write it down" : "Change or check"}<span class="hidden">: {one.title}</span>
                  </button>
                  {one.changed && <span class="hint block">Checked on {fullTime(one.changed)} by {one.changed_by}</span>}
                </p>
              </>
            )}
        </section>
      ))}
    </>
  );
}

function Edit({ contact, onDone }: { contact: Contact; onDone: (fresh?: Contact[]) => void }) {
  const [line, setLine] = useState(contact);
  const [error, setError] = useState("");
  useEffect(() => document.getElementById(`name-${contact.id}`)?.focus(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    const { id, name, phone, email, notes } = line;
    try {
      onDone((await post<Book>("/api/v1/contacts", { id, name, phone, email, notes })).contacts);
    } catch (problem) {
      setError(sorry(problem));
    }
  };
  const field = (key: "name" | "phone" | "email" | "notes", label: string, type = "text") => (
    <p class="field">
      <label for={`${key}-${contact.id}`}>{label}</label>
      <input id={`${key}-${contact.id}`} type={type} maxLength={key === "notes" ? 500 : 120} value={line[key]}
        onInput={(event) => setLine({ ...line, [key]: event.currentTarget.value })} />
    </p>
  );
  return (
    <form onSubmit={submit} noValidate class="narrow">
      <ErrorSummary message={error} />
      {field("name", "Person or desk")}
      {field("phone", "Telephone", "tel")}
      {field("email", "E-mail", "email")}
      {field("notes", "When they can be reached, what they ask for")}
      <p class="buttons">
        <button class="button">Save</button>
        <button class="button secondary" type="button" onClick={() => onDone()}>Leave it</button>
      </p>
      <p class="hint">Saving says that you have checked it today. A line without name, number and address is empty again.</p>
    </form>
  );
}
