import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 100;

/** Waits until `look` answers something. @throws Error that names the condition when it does not within `ms`. */
export async function until<T>(condition: string, ms: number, look: () => Promise<T | undefined | false>): Promise<T> {
  const deadlineAt = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadlineAt) throw new Error(`not within ${ms / 1000} s: ${condition}`);
    await sleep(POLL_MS);
  }
}
