import type { Clock } from "../../ports/clock.ts";

/** Renewals within one time to live. */
const RENEWALS_PER_TTL = 3;

/** Renews a lease again and again, the pause counted from each answer, until a renewal rejects. Answers how to stop. */
export function keepRenewed(clock: Clock, ttlMs: number, renew: () => Promise<void>): () => void {
  const pauseMs = ttlMs / RENEWALS_PER_TTL;
  let callOff: () => void = () => undefined;
  let isOver = false;
  const pause = (): void => {
    if (!isOver) callOff = clock.schedule(pauseMs, () => void renew().then(pause, () => undefined));
  };
  pause();
  return () => {
    isOver = true;
    callOff();
  };
}
