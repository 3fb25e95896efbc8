import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

// The browser's own dialog: it keeps the focus inside and gives it back.
export function Dialog({ title, onClose, children }: {
  title: string; onClose: () => void; children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title"
      onCancel={(event) => { event.preventDefault(); onClose(); }}>
      <h2 id="dialog-title" class="heading-m">{title}</h2>
      {children}
    </dialog>
  );
}
