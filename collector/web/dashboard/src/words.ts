// Every word that stands for a code, in one place.
import type { Severity, State } from "./api";

export const severities: Severity[] = ["illegal", "serious", "rule_break", "routine", "information"];

export const severityWord: Record<Severity, string> = {
  illegal: "Illegal material",
  serious: "Serious",
  rule_break: "Rule break",
  routine: "Routine",
  information: "For information",
};

export const severityHint: Record<Severity, string> = {
  illegal: "Act now, with a second senior person. The police come first.",
  serious: "Look at these first.",
  rule_break: "Look at these today.",
  routine: "Once a day is enough.",
  information: "Nothing to do.",
};

export const stateWord: Record<State, string> = {
  new: "New",
  seen: "Seen",
  looking: "Looking into it",
  waiting: "Waiting",
  closed: "Closed",
};

export const stateHint: Record<Exclude<State, "new">, string> = {
  seen: "You know about it and will come back to it.",
  looking: "Somebody is finding out what happened.",
  waiting: "You are waiting for somebody else.",
  closed: "You are done. The incident log is kept.",
};

export const outcomeWord: Record<string, string> = {
  false_alarm: "False alarm",
  no_action: "True, but no action needed",
  handled: "Dealt with in school",
  referred: "Passed on to others",
};

const categoryWords: Record<string, string> = {
  "child-abuse": "illegal material",
  terrorism: "illegal material",
  "illegal-adult": "illegal material",
  "criminal-hate": "illegal material",
  adult: "adult content",
  hate: "hate",
  "self-harm": "self-harm",
  suicide: "suicide",
  "eating-disorder": "eating disorders",
  social: "social media",
  messaging: "messaging apps",
  "anonymous-messaging": "anonymous messaging",
  bypass: "getting around the filter",
  "remote-access": "remote control",
  "file-sharing": "file sharing",
  piracy: "copyright infringement",
  "games-educational": "educational games",
  "music-download": "music downloads",
  webmail: "personal e-mail",
  ai: "AI chat",
  "software-download": "software downloads",
  "video-conference": "video calls",
  "private-business": "private business",
};

export const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

// For a cell or a line of its own.
export const categoryWord = (category: string): string =>
  capital(categoryWords[category] ?? category.replace(/-/g, " "));

const groupWords: Record<string, string> = {
  staff: "Staff",
  ks1: "Key Stage 1",
  ks2: "Key Stage 2",
  pupils: "Pupils",
  governor: "Governors",
  volunteer: "Volunteers",
  guest: "Guests",
  contractor: "Contractors",
  community: "Community users",
  unknown: "Not known",
};

export const groupWord = (group: string): string => groupWords[group] ?? group;

const auditWords: Record<string, string> = {
  log_in: "Logged in",
  log_in_failed: "Could not log in: wrong password",
  log_in_directory: "Logged in with their school account",
  log_in_directory_failed: "Could not log in: the school account is another person’s",
  bind_directory: "Bound to their school account",
  set_directory: "Set whose school account it is",
  unbind_directory: "Took the school account off",
  log_out: "Logged out",
  change_password: "Changed their password",
  view_alerts: "Looked at the list of alerts",
  watch_alerts: "Kept the list of alerts open",
  view_alert: "Opened",
  view_devices: "Looked at the devices",
  view_audit: "Looked at this record",
  acknowledge: "Acknowledged",
  add_note: "Wrote a note on",
  change_state: "Changed the state of",
  close: "Closed, or proposed to close,",
  write_incident: "Wrote the incident log of",
  attach: "Attached a file to",
  fetch_attachment: "Opened a file of",
  remove_attachment: "Removed a file from",
  hold: "Set a legal hold on",
  lift_hold: "Lifted the legal hold on",
  export_pack: "Made a custody pack of",
  send_webhook: "Sent to another program",
  send_mail: "Sent a mail about",
  send_digest: "Sent the daily digest",
  fetch_feed: "Fetched the alerts with a program",
  feed_token: "Let a program fetch alerts",
  withdraw_feed_token: "Took back a program’s token",
  add_second_factor: "Added an authenticator",
  remove_second_factor: "Removed an authenticator",
  use_recovery_code: "Used a recovery code",
  view_own_record: "Looked at what is kept about themselves",
  view_records: "Looked at the requests for a record",
  ask_record: "Asked to read what is kept about a person",
  agree_record: "Agreed that what is kept about a person is read",
  agree_record_refused: "Could not agree that what is kept about a person is read",
  refuse_record: "Refused that what is kept about a person is read",
  withdraw_record: "Ended the reading of what is kept about a person",
  read_record: "Read what is kept about a person",
  export_record: "Saved what is kept about a person as a file",
  expire_record: "Nobody answered the request to read what is kept about a person",
  view_passes: "Looked at the lesson passes",
  view_class: "Looked at what a class is refused now",
  preview_pass: "Tried what a class would get",
  publish_pass: "Published a lesson pass",
  view_report: "Looked at a report",
  export_report: "Saved a report as a file",
  view_reviews: "Looked at the reviews",
  write_review: "Wrote the record of a meeting or review",
  sign_review: "Signed a yearly review",
  export_review: "Saved a signed review as a file",
  view_inventory: "Looked at the list of computers",
  upload_inventory: "Uploaded the list of computers",
  view_budget: "Looked at how often alerts are right",
  propose_digest: "Proposed to move between list and digest",
  agree_digest: "Agreed to move between list and digest",
  withdraw_digest: "Took back a proposal for the digest",
  view_names: "Looked at the requests to open a name",
  ask_name: "Asked for the name in",
  approve_name: "Agreed to open the name in",
  approve_name_refused: "Tried to agree, too late or to their own request, to the name in",
  refuse_name: "Refused to open the name in",
  withdraw_name: "Withdrew the request for the name in",
  expire_name: "Ended, out of time, the request for the name in",
  open_name: "Opened the name in",
  told_name: "Told the person that their name was opened in",
  view_contacts: "Looked at whom to tell outside",
  change_contact: "Changed whom to tell outside",
  draft_letter: "Drafted a letter home about",
  view_related: "Looked at other devices at the time of",
  view_response: "Looked at how quickly incidents are dealt with",
  view_restrictions: "Looked at who has less for a time",
  propose_retention: "Approved, as the first of two, how long things are kept",
  agree_retention: "Approved, as the second of two, how long things are kept",
  refuse_retention: "Did not approve how long things are kept",
  split_name_key: "Made shares of the key to names",
  refused: "Was refused something outside their role",
  enrol: "Added a device",
  enrol_token: "Allowed devices to be added",
  removal_token: "Allowed a device to be taken out of use",
  decommission_device: "Took a device out of use",
  ban_device: "Shut a device out",
  release_device: "Let a device in again",
  give_devices: "Wrote down whose computer is whose",
  add_account: "Added an account",
  list_alerts: "Listed the alerts on the server",
  list_cases: "Listed the cases on the server",
  report: "Made a report on the server",
  retry_feed: "Had something sent again to another program",
  feed_certificate: "Let a program fetch alerts by its certificate",
  authority_rotate: "Began to change the server’s authority",
  authority_finish: "Finished changing the server’s authority",
  expire: "Erased what was past its time",
  view_rules: "Looked at how new rules spread",
  rules_ring: "Let new rules go to more devices",
  rules_pause: "Stopped new rules from spreading",
  rules_go_on: "Let new rules spread again",
  publish: "Published new rules",
  sign_audit_log: "Signed this record, which had no sound signature",
  policy_in_force: "Took the newly published policy into force",
  raise_alert: "Raised",
};

export function auditSentence(action: string, alert: string, about: string): string {
  const words = auditWords[action] ?? action.charAt(0).toUpperCase() + action.slice(1).replace(/_/g, " ");
  if (alert && action === "refused") return `Asked for alert ${alert} and was refused`;
  if (alert) return `${words} alert ${alert}`;
  return about ? `${words} (${about})` : words;
}

export const actionWord: Record<string, string> = {
  blocked: "Blocked",
  allowed: "Allowed",
  recorded: "Recorded",
  warned: "Warned",
};

export const times = (count: number): string => (count === 1 ? "once" : count === 2 ? "twice" : `${count} times`);
