// The server's calls. See docs/dashboard.md for their meaning.

export interface Me {
  name: string;
  display_name: string;
  role: string;
  role_title: string;
  school: string;
  csrf: string;
  must_change_password: boolean;
  idle_seconds: number;
  second_factor: boolean;
  // The role needs a code, and there is none yet: nothing else opens.
  must_add_code: boolean;
  reviews_due: number;
  may: { own_record: boolean; records: boolean; report: boolean; reviews: boolean; inventory: boolean; budget: boolean; alerts: boolean; alert: boolean; write: boolean; live: boolean; devices: boolean; audit: boolean };
}

export type Severity = "illegal" | "serious" | "rule_break" | "routine" | "information";
export type State = "new" | "seen" | "looking" | "waiting" | "closed";

export interface Alert {
  id: number;
  revision: number;
  severity: Severity;
  state: State;
  locked: boolean;
  rule: string;
  category: string;
  title: string;
  sentence: string;
  why: string;
  in_favour: string;
  next_step: string;
  clause: string;
  subject: string;
  group: string;
  device: string;
  device_name: string;
  first: string;
  last: string;
  raised: string;
  count: number;
  late: boolean;
  trace: string;
  note_count: number;
  outcome: string;
  held: boolean;
  close_proposed_by?: string;
  close_proposed_account?: string;
}

export interface Evidence {
  time: string;
  sentence: string;
  action: string;
  device: string;
  count: number;
  host?: string;
}

export interface Incident {
  where: string;
  description: string;
  action_taken: string;
  outcome: string;
  parents_informed: string;
  recorded_by: string;
  recorded: string;
}

// A row of the school's sanctions table: information, never a verdict.
export interface PolicyRow {
  id: string;
  incident: string;
  steps: string[];
  needs_reason: string[];
  cautions: string[];
}

// What the school's own published policy says of this alert.
export interface PolicySays {
  title: string;
  group: string;
  clause?: { id: string; quote: string; says: string };
  row?: PolicyRow;
  continued?: {
    since: string; alert: number; warnings: number; confirmed_since: number; row: PolicyRow;
  };
  told?: string[];
  within_minutes?: number;
}

// Whom the school tells outside, by role.
export interface Contact {
  id: string;
  title: string;
  when: string;
  name: string;
  phone: string;
  email: string;
  notes: string;
  missing: boolean;
  changed?: string;
  changed_by?: string;
}

// The draft of a letter home; a person writes what lies between the two parts.
export interface Letter {
  date: string;
  before: string[];
  after: string[];
  cautions: string[];
  school: string;
  writer: string;
  writer_role: string;
}

export interface Restrictions {
  policy: string;
  groups: { id: string; title: string }[];
  restrictions: {
    group: string; to: string; from: string; until: string; reason: string; asked_by: string; approver: string;
    state: "later" | "now" | "over";
  }[];
}

export interface Retention {
  times: { what: string; title: string; days: number; quote: string }[];
  approved: { by: string[]; when: string; still: boolean } | null;
  proposed_by: string;
  proposed_by_me: boolean;
}

export interface ResponseTimes {
  months: { month: string; looked_at: string; closed: string }[];
}

export interface Attachment {
  id: number;
  name: string;
  type: string;
  bytes: number;
  hash: string;
  added_by: string;
  added: string;
}

export interface WholeAlert extends Alert {
  attachments?: Attachment[];
  contacts?: Contact[];
  policy?: PolicySays;
  evidence: Evidence[];
  shared_reasons?: string; // each line's, said once
  notes?: { time: string; author: string; words: string }[];
  incident?: Incident;
  hold?: { reason: string; by: string; account: string; since: string };
}

export interface Related {
  minutes: number;
  hosts: { host: string; devices: number; first: string; last: string }[];
  alerts: (Alert & { hosts: string[] })[];
  more: boolean;
}

export interface AnonymousAlert {
  severity: Severity;
  state: State;
  title: string;
  category: string;
  clause: string;
  outcome: string;
  month: string;
}

export interface AlertList {
  alerts: Alert[];
  revision: number;
  digest_kinds: string[];
  list_kinds: string[];
  more: boolean;
}

export interface Device {
  id: string;
  school: string;
  name: string;
  inventory_number: string;
  group: string;
  group_title?: string;
  given?: { people: number; since: string }; // it is somebody's own
  state: "good" | "check" | "problem" | "retired";
  words: string;
  last_contact: string;
  enrolled: string;
  rules_version: number;
  program_version: string;
  capturing: boolean;
  enforcing: boolean;
  mode: string;
  blind_percent: number;
  waiting: number;
}

export interface DevicePage {
  devices: Device[];
  from: number;
  found: number;
  page: number;
  counts: Record<Device["state"], number>;
}

export interface Release {
  version: number;
  ring: "trial" | "one device" | "1 in 20" | "all";
  paused: boolean;
  why: string;
  fallback: number;
  devices: number;
  have_it: number;
  in_trouble: number;
}

export interface TrialChange {
  category: string;
  group: string;
  before: string;
  after: string;
  count: number;
}

export interface Rules {
  school: string;
  current: number;
  rollout: Release | null;
  versions: { version: number; devices: number }[];
  freshness: Record<string, number>;
  in_trouble: string[];
  trial: { judged: number; changes: TrialChange[] };
  orders: { name: string; ends: number | null }[];
}

export interface OwnRecord {
  keep_days: number;
  names_opened?: { opened: string; by: string[] }[];
  lines: {
    time: string; device: string; what: "contact" | "judged" | "report" | "notice"; host?: string;
    categories?: string[]; action?: string; clause?: string; grade?: string; words?: string;
  }[];
}

// Somebody asked the school what is kept about them.
export interface RecordRequest {
  id: number;
  mine: boolean;
  state: "asked" | "agreed" | "refused" | "withdrawn" | "over";
  reason: string;
  requester: string;
  approver: string;
  seconds_left: number;
}

export interface PersonRecord extends OwnRecord {
  more: boolean;
  cases: { alert: number; title: string; raised: string }[];
  request: RecordRequest;
}

// A class at work, as a class.
export interface ClassNow {
  group: string;
  minutes: number;
  devices: number;
  refused: { host: string; category: string; times: number; devices: number; last: string }[];
  reports: { time: string; what: "accident" | "should_open" | "filter_missed" | "other"; host: string }[];
  elsewhere: number;
  more: boolean;
}

export interface Previewed {
  host: string;
  blocked: boolean;
  passable: boolean;
  reason: string;
  clause: string;
}

export interface PassRequest {
  alert: number;
  who: string;
  device: string;
  time: string;
  group: string;
  reason: string;
  hosts: string[];
  preview?: Previewed[];
}

export interface Pass {
  id: string;
  state: "waiting" | "open" | "ended" | "withdrawn";
  hosts: string[];
  groups: string[];
  devices: number;
  class: string;
  reason: string;
  requester: string;
  approver: string;
  start: string;
  end: string;
  seconds_left: number;
}

export interface Passes {
  requests: PassRequest[];
  passes: Pass[];
  groups: { id: string; title: string }[];
  sign_for: string;
  may_publish: boolean;
}

export interface AuditEntry {
  time: string;
  who: string;
  action: string;
  about?: string;
  about_alert: string;
  detail?: string;
}

export interface AuditPage {
  entries: AuditEntry[];
  before: number;
  // Null: the first check is still under way.
  whole?: boolean | null;
  checked?: string;
}

export interface Notice {
  school_name: string;
  contact: string;
  keep_event_days: number;
  keep_case_days: number;
  version: string;
  now: string;
  roles: Record<string, number>;
  accounts: number;
  accounts_with_code: number;
  devices: number;
  feeds: string[];
  // Null: the school has published no policy.
  policy: PolicyFacts | null;
}

export interface PolicyFacts {
  title: string;
  mode: string;
  notice_version: string;
  recorded: string[];
  recorded_away: string[];
  blocked_unrecorded: string[];
  never_recorded_hosts: number;
  vacant_roles: string[];
  groups: { title: string; named: boolean; history: boolean; otherwise: string }[];
  keep_days: { contacts: number; health: number; cases: number };
}

export interface Report {
  title: string;
  period: string;
  tables: { title: string; note: string; columns: string[]; rows: string[][]; plot: boolean; trend: boolean }[];
}

export type Table = Report["tables"][number];

// Meetings about online safety, and the reviews that a school owes.
export interface ReviewRecord {
  id: string;
  kind: "meeting" | "policy" | "provision";
  title: string;
  time: string;
  by_name: string;
  mine: boolean;
  present: string;
  words: string;
  actions: string;
  tables: Table[];
  needs_second: boolean;
  second_name?: string;
  signed?: string;
  hash?: string;
}

export interface Reviews {
  school: string;
  due: { kind: ReviewRecord["kind"]; title: string; every_days: number; last: string; next: string; due: boolean }[];
  reasons: string[];
  since: string;
  tables: Table[];
  records: ReviewRecord[];
  may_write: boolean;
  may_sign: boolean;
}

export interface InventoryLine {
  number: string;
  name: string;
  last_contact?: string;
}

// The school's own list of its computers beside the devices; `lines` is
// missing where no list was uploaded.
export interface Inventory {
  school: string;
  uploaded: string;
  by: string;
  file: string;
  lines?: number;
  given: number; // computers of this school that are somebody's own
  matched: number;
  missing_count: number;
  unknown_count: number;
  missing: InventoryLine[];
  unknown: InventoryLine[];
  silent: InventoryLine[];
  repeated: InventoryLine[];
}

export interface Kind {
  kind: string;
  title: string;
  alerts: number;
  right: number;
  wrong: number;
  low: number;
  high: number;
  may_wait: boolean;
  in_digest: boolean;
  proposed_by?: string;
  proposed_by_me?: boolean;
}

export interface Budget {
  days: number;
  budget_a_day: number;
  alerts: number;
  kinds: Kind[];
}

// What the server refused, in words for the reader.
export class Refused extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }
}

let csrf = "";
let onLoggedOut: () => void = () => {};

export function setCsrf(token: string): void {
  csrf = token;
}

export function whenLoggedOut(then: () => void): void {
  onLoggedOut = then;
}

// `background`: not asked for by the person, so it does not keep them logged
// in.
async function call<T>(method: string, path: string, body?: unknown, background = false): Promise<T> {
  const answer = await send(method, path, body, background);
  return await answer.json().catch(() => ({})) as T;
}

async function send(method: string, path: string, body: unknown, background: boolean): Promise<Response> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (background) headers["X-Background"] = "1";
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch {
    throw new Refused(0, "offline", "The Schoolgate server cannot be reached. Check your connection and try again.");
  }
  if (answer.ok) return answer;
  const value = await answer.json().catch(() => ({}));
  if (answer.status === 401 && value.error === "log_in") onLoggedOut();
  throw new Refused(answer.status, value.error ?? "", value.message ?? "Something went wrong. Try again in a minute.");
}

export const get = <T>(path: string, background = false) => call<T>("GET", path, undefined, background);
export const post = <T>(path: string, body: unknown = {}) => call<T>("POST", path, body);

// What the server sends as a file: its text, offered to the person to keep.
export async function download(method: "GET" | "POST", path: string, name: string): Promise<string> {
  const answer = await send(method, path, method === "POST" ? {} : undefined, false);
  const text = await answer.text();
  keep([text], name);
  return text;
}

export async function downloadFile(path: string, name: string): Promise<void> {
  const answer = await send("GET", path, undefined, false);
  keep([await answer.arrayBuffer()], name);
}

function keep(parts: BlobPart[], name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type: "application/octet-stream" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export const sorry = (error: unknown): string =>
  error instanceof Refused ? error.message : "Something went wrong. Reload the page and try again.";
