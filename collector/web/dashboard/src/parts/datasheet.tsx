// What the assessment of the risks for people's data needs beside the fixed
// text: the school's policy as it runs, and each field that leaves a device.
import { useEffect, useState } from "preact/hooks";
import type { PolicyFacts } from "../api";
import { Row } from "./bits";

type Section = { title: string; fields: { field: string; what: string; kept: string; seen: string }[] };

const listed = (words: string[]): string => (words.length ? words.join(", ") : "None");

export function PolicySheet({ policy }: { policy: PolicyFacts }) {
  const shared = policy.groups.filter((group) => !group.named).map((group) => group.title);
  const noHistory = policy.groups.filter((group) => !group.history).map((group) => group.title);
  return (
    <>
      <Row name="Policy in force">
        {policy.title}, {policy.mode === "enforce" ? "enforced" : "only watching: nothing is blocked"}; notice version{" "}
        {policy.notice_version || "not given"}
      </Row>
      <Row name="Recorded kinds of hosts">{listed(policy.recorded)}</Row>
      <Row name="Recorded away from school">{listed(policy.recorded_away)}</Row>
      <Row name="Blocked, never recorded">{listed(policy.blocked_unrecorded)}</Row>
      <Row name="Never recorded">{policy.never_recorded_hosts} hosts of help-lines, health, faith, unions and whistle-blowing</Row>
      <Row name="Groups without a person">{listed(shared)}</Row>
      <Row name="Groups without a history">{listed(noHistory)}</Row>
      <Row name="Erased by itself">
        Contacts after {policy.keep_days.contacts} days, device health after {policy.keep_days.health} days, closed cases
        after {policy.keep_days.cases} days
      </Row>
      {policy.vacant_roles.length > 0 && <Row name="Roles that nobody holds">{listed(policy.vacant_roles)}</Row>}
    </>
  );
}

// Markdown's code marks are the only ones in the list.
const plain = (words: string): string => words.replace(/`/g, "");

export function FieldInventory() {
  const [sections, setSections] = useState<Section[]>([]);
  useEffect(() => { import("../open/fields").then((made) => setSections(made.sections)); }, []);
  return (
    <>
      <h2 class="heading-m">Each field that can leave a device</h2>
      <p>
        The complete list: the program’s own tests fail when a field is not on it. “Events” are erased after the time
        above; “nobody” means that no page shows it.
      </p>
      {sections.map((section) => (
        <section key={section.title}>
          <h3 class="heading-s">{section.title}</h3>
          <table class="table" data-fields>
            <thead>
              <tr><th scope="col">Field</th><th scope="col">What and why</th><th scope="col">Kept</th><th scope="col">Who sees it</th></tr>
            </thead>
            <tbody>
              {section.fields.map((one) => (
                <tr key={one.field}>
                  <th scope="row" class="hash">{one.field}</th>
                  <td>{plain(one.what)}</td>
                  <td data-label="Kept">{plain(one.kept)}</td>
                  <td data-label="Who sees it">{plain(one.seen)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ))}
    </>
  );
}
