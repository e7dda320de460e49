import type { EpochMs } from "../domain/ids.ts";
import type { Fleet } from "./fleet.ts";

/** Sleeps until an instant, or until the key is notified or the signal aborts. Never rejects. */
export async function napUntil(fleet: Fleet, at: EpochMs, key: string, signal: AbortSignal): Promise<void> {
  const { clock } = fleet.deps;
  if (signal.aborted || at <= clock.now()) return;
  const woken = new AbortController();
  const wake = (): void => woken.abort();
  signal.addEventListener("abort", wake, { once: true });
  const pause = clock.sleep(at - clock.now(), woken.signal).then(wake, () => undefined);
  await fleet.changes.next([key], woken.signal);
  wake();
  await pause;
  signal.removeEventListener("abort", wake);
}
