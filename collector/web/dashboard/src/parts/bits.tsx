// Small pieces that several pages show.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Severity, State } from "../api";
import { severityWord, stateWord } from "../words";

export const SeverityTag = ({ severity }: { severity: Severity }) => (
  <strong class={`tag tag-${severity}`}>{severityWord[severity]}</strong>
);

export const StateTag = ({ state }: { state: State }) => (
  <strong class={`tag tag-state-${state}`}>{stateWord[state]}</strong>
);

export const HeldTag = () => <strong class="tag tag-held">On hold</strong>;

// A page's heading: takes the focus when the page opens, so that a screen
// reader says where one is.
export function Title({ children, tab }: { children: ComponentChildren; tab: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${tab} – Schoolgate`;
  }, [tab]);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
  }, []);
  return <h1 ref={heading} tabIndex={-1}>{children}</h1>;
}

export function ErrorSummary({ message, field }: { message: string; field?: string }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.focus(), [message]);
  if (!message) return null;
  return (
    <div class="error-summary" role="alert" tabIndex={-1} ref={box}>
      <h2 class="heading-s">There is a problem</h2>
      <p>
        {field
          ? <a href={`#${field}`} onClick={(event) => { event.preventDefault(); document.getElementById(field)?.focus(); }}>{message}</a>
          : message}
      </p>
    </div>
  );
}

export function Row({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="row">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
