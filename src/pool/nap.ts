import type { EpochMs } from "../domain/ids.ts";
import type { Fleet } from "./fleet.ts";

/** Sleeps until an instant, or until the key is notified or the signal aborts. Never rejects. */
export async function napUntil(fleet: Fleet, at: EpochMs, key: string, signal: AbortSignal): Promise<void> {
  const { clock } = fleet.deps;
  if (signal.aborted || at <= clock.now()) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = (): void => resolve();
  const callOff = clock.schedule(at - clock.now(), wake);
  const stopListening = fleet.changes.listen(key, wake);
  signal.addEventListener("abort", wake, { once: true });
  await promise;
  signal.removeEventListener("abort", wake);
  stopListening();
  callOff();
}
