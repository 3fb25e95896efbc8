import { useEffect, useState } from "preact/hooks";
import { get, type Notice } from "../api";
import { Title } from "../parts/bits";
import { followLink } from "../router";

export function NoticePage() {
  const [facts, setFacts] = useState<Notice | null>(null);
  useEffect(() => {
    get<Notice>("/api/v1/notice").then(setFacts, () => {});
  }, []);
  // The policy's times go before those of the server.
  const contacts = facts?.policy?.keep_days.contacts ?? facts?.keep_event_days ?? 0;
  const cases = facts?.policy?.keep_days.cases ?? facts?.keep_case_days ?? 0;
  return (
    <div class="prose">
      <Title tab="What is recorded">What is recorded</Title>
      <p class="lead">
        {facts?.school_name || "Your school"} uses Schoolgate on its own devices to keep people safe online. You may
        print this page and give it to staff, pupils and parents.
      </p>
      <h2 class="heading-m">What is recorded</h2>
      <ul>
        <li>That a school device contacted a host which the school’s policy covers: the host’s name, the time, the device, and whether it was blocked.</li>
        <li>Who used the device, under an alias such as P-7F3AQ2, when the device is sure of it. On a shared log-in nobody is named.</li>
        <li>That a device works: when it was last in contact, its rules, and how much it could not see.</li>
        <li>If somebody presses “I landed here by accident”: that they did, and what they wrote.</li>
      </ul>
      <h2 class="heading-m">What is not recorded</h2>
      <ul>
        <li>Contacts with hosts that the policy does not cover. They are forgotten on the device within a minute.</li>
        <li>Contacts with help-lines such as Childline and Samaritans, and with unions, health, faith, LGBT+ support and whistle-blowing services. They are recorded for nobody.</li>
        <li>Which page was looked at, what was typed, messages, pictures, sound or the screen. Schoolgate cannot see them.</li>
        <li>Personal phones and computers. Schoolgate is on school devices only.</li>
      </ul>
      <h2 class="heading-m">What it can get wrong</h2>
      <p>
        A contact with a host does not prove that a person meant it. Pages and programs contact hosts by themselves, and
        people mistype. Each alert says why it was raised and what speaks for the person, and people decide what
        happens. No filter catches everything.
      </p>
      <h2 class="heading-m">Who can see it</h2>
      <ul>
        <li>The school’s safety lead, deputies, head teacher and second senior leader: alerts, under the alias.</li>
        <li>Nobody sees an alert about themselves, whatever their role.</li>
        <li>The IT provider: how devices work. No alerts about people.</li>
        <li>Governors: what happened and how it ended, without anybody in particular.</li>
        <li>A person’s name is sealed. It takes two senior people together, with a reason, to open it.</li>
        <li>Whatever anybody looks at is put on record. Head, governors and data protection officer read that record.</li>
      </ul>
      {facts && (contacts > 0 || cases > 0) && (
        <>
          <h2 class="heading-m">How long it is kept</h2>
          <ul>
            {contacts > 0 && <li>Contacts: {contacts} days, then they are erased.</li>}
            {cases > 0 && (
              <li>
                Incidents: once they are closed, until {cases} days after the last contact in them. One under a legal hold
                is kept until the hold is lifted.
              </li>
            )}
          </ul>
        </>
      )}
      <h2 class="heading-m">Your rights</h2>
      <p>
        You can ask what is held about you, have a mistake put right and contest an alert.
        {facts?.contact ? ` Contact ${facts.contact}.` : " Ask the school office or the data protection officer."}
      </p>
      <p class="no-print"><a href="/set-up" onClick={followLink}>How this system is set up, and the data protection sheet</a></p>
      <h2 class="heading-m">If you need help now</h2>
      <p>Childline: 0800 1111. Samaritans: 116 123. Both are free, and calling or contacting them is never recorded here.</p>
      <p class="no-print"><button class="button secondary" onClick={() => print()}>Print this page</button></p>
    </div>
  );
}
