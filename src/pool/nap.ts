import type { EpochMs } from "../domain/ids.ts";
import type { Fleet } from "./fleet.ts";

/** Sleeps until an instant (at once when it has passed), or until it is woken. Never rejects. One nap at a time. */
export type Nap = (at: EpochMs) => Promise<void>;

/** Makes naps that end when the key is notified or the signal aborts. */
export function createNap(fleet: Fleet, key: string, signal: AbortSignal): Nap {
  const { clock } = fleet.deps;
  let wake: () => void = () => undefined;
  const stopListening = fleet.changes.listen(key, () => wake());
  const stop = (): void => {
    stopListening();
    wake();
  };
  signal.addEventListener("abort", stop, { once: true });

  return async (at) => {
    const ms = at - clock.now();
    if (signal.aborted || ms <= 0) return;
    await new Promise<void>((resolve) => {
      const callOff = clock.schedule(ms, resolve);
      wake = () => {
        callOff();
        resolve();
      };
    });
  };
}
