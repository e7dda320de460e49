import type { ReadyGuest } from "../../src/ports/guest.ts";
import { outputOf } from "./clones.ts";

const MINUTE_MS = 60_000;

/** When a machine ends itself, and its present, all on its own monotonic clock, in milliseconds. */
export interface Deadlines {
  readonly orphanAtMs: number;
  readonly lifetimeAtMs: number;
  readonly nowMs: number;
}

/** Reads when the timers of a machine's dead-man's switch fire. */
export async function deadlinesOf(ready: ReadyGuest): Promise<Deadlines> {
  const show = "systemctl show --value -p NextElapseUSecMonotonic";
  const command = `${show} mayfly-orphan.timer; ${show} mayfly-lifetime.timer; cut -d ' ' -f 1 /proc/uptime`;
  const [orphan = "", lifetime = "", uptime = ""] = (await outputOf(ready, command)).toString().trim().split("\n");
  return { orphanAtMs: msFrom(orphan), lifetimeAtMs: msFrom(lifetime), nowMs: msFrom(`${uptime}s`) };
}

/** Reads a span as systemd shows it, e.g. `1h 17.136575s`. */
function msFrom(span: string): number {
  const unitsMs: Record<string, number> = { h: 60 * MINUTE_MS, min: MINUTE_MS, s: 1_000, ms: 1 };
  const parts = [...span.matchAll(/([\d.]+)([a-z]+)/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitsMs[unit ?? ""] ?? Number.NaN), 0);
}
