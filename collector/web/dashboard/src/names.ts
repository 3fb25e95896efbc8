// Requests to open a name, kept up to date, and this window's half of the
// secrets: the key it made for each of its own requests.
import { useEffect, useState } from "preact/hooks";
import { get } from "./api";

export interface NameRequest {
  id: number;
  alert: number;
  sees_alert: boolean;
  mine: boolean;
  state: "asked" | "approved" | "opened" | "refused" | "withdrawn" | "expired";
  reason: string;
  tell_after_days: number;
  tell_later_reason: string;
  requester: string;
  approver: string;
  key: string;
  key_id: string;
  seconds_left: number;
}

// Whose name was opened, and whether they know.
export interface ToTell {
  number: number;
  alert: number;
  opened: string;
  requester: string;
  approver: string;
  tell_from: string;
  due: boolean;
  later_reason: string;
  on_their_record: boolean;
  told: string;
  told_by: string;
}

export interface Names {
  toTell: ToTell[];
  requests: NameRequest[];
  reload: () => Promise<void>;
}

const every = 4000;

export const showForSeconds = 600;

// In this window's memory only, by public key: a reload loses them, and the
// request with them.
const secrets = new Map<string, Uint8Array>();

export const keepSecret = (key: string, secret: Uint8Array) => void secrets.set(key, secret);
export const hasSecret = (key: string): boolean => secrets.has(key);

export function takeSecret(key: string): Uint8Array | undefined {
  const secret = secrets.get(key);
  secrets.delete(key);
  return secret;
}

export const isOpen = (request: NameRequest): boolean => request.state === "asked" || request.state === "approved";

// One of those who know the name tells the person, where no record does.
export const isToTell = (one: ToTell): boolean => !one.told && one.due && !one.on_their_record;

export const waitsForMe = (requests: NameRequest[]): number =>
  requests.filter((one) => (one.mine ? one.state === "approved" : one.state === "asked")).length;

export function useNames(enabled: boolean): Names {
  const [requests, setRequests] = useState<NameRequest[]>([]);
  const [toTell, setToTell] = useState<ToTell[]>([]);
  const reload = () =>
    get<{ requests: NameRequest[]; to_tell: ToTell[] }>("/api/v1/names", true).then((answer) => {
      setRequests(answer.requests);
      setToTell(answer.to_tell);
    }, () => {});
  useEffect(() => {
    if (!enabled) {
      setRequests([]);
      setToTell([]);
      return;
    }
    void reload();
    const timer = setInterval(() => void reload(), every);
    return () => clearInterval(timer);
  }, [enabled]);
  return { requests, toTell, reload };
}
