// Times as people say them, in the time of the reader's own computer.
import { useEffect, useState } from "preact/hooks";

const day = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const dayYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const shortDay = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const clockSeconds = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const monthYear = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric" });

const sameDay = (a: Date, b: Date) => a.toDateString() === b.toDateString();

export function dayWord(text: string, now = new Date()): string {
  const time = new Date(text);
  if (sameDay(time, now)) return "Today";
  if (sameDay(time, new Date(now.getTime() - 864e5))) return "Yesterday";
  return time.getFullYear() === now.getFullYear() ? day.format(time) : dayYear.format(time);
}

// As on paper, where “today” would soon be wrong.
export function wholeDay(text: string, now = new Date()): string {
  const time = new Date(text);
  return `${sameDay(time, now) ? "Today, " : ""}${day.format(time)} ${time.getFullYear()}`;
}

export const today = (): string => `${day.format(new Date())} ${new Date().getFullYear()}`;

export const clockWord = (text: string, seconds = false): string =>
  (seconds ? clockSeconds : clock).format(new Date(text));

export function fullTime(text: string): string {
  return text ? `${dayYear.format(new Date(text))}, ${clock.format(new Date(text))}` : "";
}

export const shortTime = (text: string): string =>
  text ? `${shortDay.format(new Date(text))}, ${clock.format(new Date(text))}` : "";

export const monthWord = (month: string): string => monthYear.format(new Date(`${month}-15T12:00:00Z`));

// Draws what calls it again each minute, so that “2 minutes ago” stays true.
export function useMinutes(): void {
  const [, redraw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => redraw((n) => n + 1), 60000);
    return () => clearInterval(timer);
  }, []);
}

export function ago(text: string, now = Date.now()): string {
  const minutes = Math.floor((now - new Date(text).getTime()) / 60000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return minutes === 1 ? "1 minute ago" : `${minutes} minutes ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return hours === 1 ? "1 hour ago" : `${hours} hours ago`;
  return `${dayWord(text).toLowerCase() === "yesterday" ? "yesterday" : dayWord(text)}, ${clockWord(text)}`;
}
