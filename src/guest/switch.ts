import type { MachineLimits } from "../ports/guest.ts";
import { readTemplate } from "./templates.ts";

type Addition = (limits: MachineLimits, lifetimeSince: LifetimeSince) => string;

/** The units in cloud-init/switch, with what the limits add to their last section. */
const UNITS: readonly { readonly name: string; readonly add?: Addition }[] = [
  { name: "mayfly-poweroff.service" },
  { name: "mayfly-orphan.timer", add: ({ orphanTimeoutMs }) => `OnActiveSec=${secondsFrom(orphanTimeoutMs)}\n` },
  { name: "mayfly-lifetime.timer", add: ({ lifetimeMs }, since) => `${since}=${secondsFrom(lifetimeMs)}\n` },
  { name: "mayfly-alive.socket" },
  { name: "mayfly-alive@.service" },
];

/** The unit files of a machine's dead-man's switch. @param lifetimeSince since when its lifetime counts, in systemd's words. */
export async function switchUnitsFrom(
  limits: MachineLimits,
  lifetimeSince: LifetimeSince = "OnBootSec",
): Promise<{ readonly path: string; readonly content: string }[]> {
  return Promise.all(
    UNITS.map(async ({ name, add }) => ({
      path: `/etc/systemd/system/${name}`,
      content: (await readTemplate(`switch/${name}`)) + (add?.(limits, lifetimeSince) ?? ""),
    })),
  );
}

/** Those of the units that are started; they need the others. */
export const SWITCH_UNITS = ["mayfly-orphan.timer", "mayfly-lifetime.timer", "mayfly-alive.socket"] as const;

/** A copy of a machine has that machine's boot behind it: its own life begins when it is told its deadlines. */
type LifetimeSince = "OnBootSec" | "OnActiveSec";

/**
 * Renders the command that arms a machine's dead-man's switch. It needs nothing but a shell and systemd 240, and goes first of all
 * that the machine does at its first boot. Idempotent.
 */
export async function armingCommandFrom(limits: MachineLimits): Promise<string[]> {
  const units = await switchUnitsFrom(limits);
  const files = units.map(({ path, content }) => `cat >${path} <<'${END}'\n${content}${END}\n`);
  return ["sh", "-c", files.join("") + (await readTemplate("switch/arm.sh"))];
}

/** Ends each file in the command; no line of a unit. */
const END = "mayfly-end";

const secondsFrom = (ms: number): string => `${Math.ceil(ms / 1000)}s`;
