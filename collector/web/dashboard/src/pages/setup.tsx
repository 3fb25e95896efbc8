import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, sorry, type Me, type Notice } from "../api";
import { ErrorSummary, Row, Title } from "../parts/bits";
import { RetentionPart } from "../parts/retention";
import { FieldInventory, PolicySheet } from "../parts/datasheet";
import { fullTime } from "../time";

function feedWords(name: string): string {
  const [kind, rest] = name.split("/");
  if (kind === "webhook") return `The program “${rest}”: alerts, under aliases`;
  if (kind === "mail") return `Urgent mails to ${rest}: that there is something, nothing more`;
  return `Daily mails to ${rest}: how many are open, nothing more`;
}

// The running configuration, as a dated document for the file and the starting
// point of the data protection impact assessment.
export function SetUpPage({ me }: { me: Me }) {
  const [facts, setFacts] = useState<Notice | null>(null);
  const [error, setError] = useState("");
  useEffect(() => {
    get<Notice>("/api/v1/notice").then(setFacts, (problem) => setError(sorry(problem)));
  }, []);
  if (!facts) return <><Title tab="How it is set up">How this system is set up</Title><ErrorSummary message={error} /></>;
  const weak = facts.accounts - facts.accounts_with_code;
  const rows: [string, ComponentChildren][] = [
    ["School", facts.school_name || "Not entered"],
    ["Program", `Schoolgate ${facts.version}, on a server of the school or its trust`],
    ["Devices", facts.devices],
    ["Who has access", Object.entries(facts.roles).map(([role, count]) => <p key={role}>{role}: {count}</p>)],
    ["How they log in", `Password; ${facts.accounts_with_code} of ${facts.accounts} with an authenticator as well`],
    ["What leaves the server", facts.feeds.length
      ? facts.feeds.map((feed) => <p key={feed}>{feedWords(feed)}</p>) : "Nothing, but what people save or print"],
    ["Contacts are kept", `${facts.policy?.keep_days.contacts ?? facts.keep_event_days} days, then erased by the program`],
    ["Incidents are kept", `${facts.policy?.keep_days.cases ?? facts.keep_case_days} days after the last contact in them, once they are closed and unless under a legal hold`],
    ["Whom to ask", facts.contact || "Not entered"],
  ];
  return (
    <div class="prose">
      <Title tab="How it is set up">How this system is set up</Title>
      <p class="sub">As of {fullTime(facts.now)}, from the running system.</p>
      <ErrorSummary message={error} />
      <dl class="facts wide">{rows.map(([name, value]) => <Row key={name} name={name}>{value}</Row>)}</dl>
      {(weak > 0 || !facts.contact) && (
        <>
          <h2 class="heading-m">What should be looked at</h2>
          <ul>
            {weak > 0 && <li>{weak === 1 ? "1 account logs" : `${weak} accounts log`} in with a password alone.</li>}
            {!facts.contact && <li>Nobody is named whom people can ask.</li>}
          </ul>
        </>
      )}
      {me.may.records && <RetentionPart />}
      <h2 class="heading-m">Data protection sheet</h2>
      <p>What the data protection officer needs for an impact assessment. It is about this system as it runs now.</p>
      <dl class="facts wide">
        <Row name="Purpose">Keeping children and staff safe online, and meeting the school’s safeguarding duties. Not productivity, not performance.</Row>
        <Row name="Whose data">Pupils, staff, governors, volunteers and guests, while they use the school’s own devices.</Row>
        <Row name="Which data">Contacts with hosts that the policy covers: host, time, device, alias, group, whether blocked. Device health. What people report themselves. What seniors write about a case.</Row>
        <Row name="Not processed">Pages, typed words, messages, pictures, sound, screens; contacts that the policy does not cover; help-lines, unions, health, faith, LGBT+ support, whistle-blowing; private devices.</Row>
        <Row name="Names">Sealed on the device for the school. Two senior people open one together, each with a share of the key, with a reason that is on record. The IT provider cannot.</Row>
        <Row name="Automated decisions">None about people. A device blocks a host by rule; what follows is decided by people.</Row>
        <Row name="Risks seen">A contact taken for intent; a shared device taken for a person; a role turned against a person; names leaking.</Row>
        <Row name="What is done">Each alert says what speaks for the person; shared log-ins are nobody; nobody sees what is about themselves; every look is on record and the record shows changes; governors’ figures are in bands.</Row>
        <Row name="Rights">Notice (see “What is recorded”), access, correction and contest through {facts.contact || "the school office"}; erasure by time.</Row>
        {facts.policy && <PolicySheet policy={facts.policy} />}
        <Row name="To be filled in">Lawful basis, consultation held, residual risk, decision, date and signature.</Row>
        <div class="row print-only"><dt>Signature</dt><dd class="signature" /></div>
      </dl>
      <FieldInventory />
      <p class="no-print"><button class="button secondary" onClick={() => print()}>Print or save as PDF</button></p>
    </div>
  );
}
