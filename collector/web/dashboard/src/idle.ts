// Logs out after some minutes without a key or a touch, with a warning first.
import { useEffect, useState } from "preact/hooks";
import { post } from "./api";

const warnSeconds = 60;
const tellEverySeconds = 60;

// Seconds left when it is time to warn; null while there is no need to.
export function useIdle(on: boolean, idleSeconds: number, onIdle: () => void): [number | null, () => void] {
  const [left, setLeft] = useState<number | null>(null);
  const [touch, setTouch] = useState<() => void>(() => () => {});

  useEffect(() => {
    if (!on) return;
    let active = Date.now();
    let told = Date.now();
    let warned = false;
    const tell = () => {
      told = Date.now();
      post("/api/v1/active").catch(() => {});
    };
    const stay = () => {
      active = Date.now();
      warned = false;
      setLeft(null);
    };
    setTouch(() => () => {
      stay();
      tell();
    });
    const act = () => {
      // While the warning is up, only its button counts.
      if (!warned) stay();
    };
    const timer = setInterval(() => {
      // Later than the activity, so the server never ends it before we warn.
      if (active > told && Date.now() - told > tellEverySeconds * 1000) tell();
      const rest = idleSeconds - (Date.now() - active) / 1000;
      if (rest <= 0) onIdle();
      else if (rest <= warnSeconds) {
        warned = true;
        setLeft(Math.ceil(rest));
      }
    }, 1000);
    for (const kind of ["keydown", "pointerdown", "wheel"] as const) addEventListener(kind, act, { passive: true });
    return () => {
      clearInterval(timer);
      setLeft(null);
      for (const kind of ["keydown", "pointerdown", "wheel"] as const) removeEventListener(kind, act);
    };
  }, [on, idleSeconds]);

  return [left, touch];
}
