// Lines of the contact book, as they stand beside an alert.
import type { Contact } from "../api";
import { followLink } from "../router";

const dial = (phone: string): string => `tel:${phone.replace(/[^+0-9]/g, "")}`;

export function ContactWays({ contact }: { contact: Contact }) {
  return (
    <>
      {contact.name && <span class="block">{contact.name}</span>}
      {contact.phone && <span class="block"><a href={dial(contact.phone)}>{contact.phone}</a></span>}
      {contact.email && <span class="block"><a href={`mailto:${contact.email}`}>{contact.email}</a></span>}
      {contact.notes && <span class="hint block">{contact.notes}</span>}
    </>
  );
}

export function ContactLines({ contacts }: { contacts: Contact[] }) {
  return (
    <ul class="plain-list">
      {contacts.map((one) => (
        <li key={one.id}>
          <b>{one.title}</b>
          {one.missing
            ? <span class="block">Nobody has written down how. <a href="/contacts" onClick={followLink}>Do it now</a></span>
            : <ContactWays contact={one} />}
        </li>
      ))}
    </ul>
  );
}
