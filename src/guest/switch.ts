import type { MachineLimits } from "../ports/guest.ts";
import { readTemplate } from "./templates.ts";

/** The units in cloud-init/switch, with what the limits add to their last section. */
const UNITS: readonly { readonly name: string; readonly add?: (limits: MachineLimits) => string }[] = [
  { name: "mayfly-poweroff.service" },
  { name: "mayfly-orphan.timer", add: ({ orphanTimeoutMs }) => `OnActiveSec=${secondsFrom(orphanTimeoutMs)}\n` },
  { name: "mayfly-lifetime.timer", add: ({ lifetimeMs }) => `OnBootSec=${secondsFrom(lifetimeMs)}\n` },
  { name: "mayfly-alive.socket" },
  { name: "mayfly-alive@.service" },
];

/**
 * Renders the command that arms a machine's dead-man's switch. It needs nothing but a shell and systemd 240, and goes first of all
 * that the machine does at its first boot. Idempotent.
 */
export async function armingCommandFrom(limits: MachineLimits): Promise<string[]> {
  const units = await Promise.all(
    UNITS.map(async ({ name, add }) => ({
      name,
      text: (await readTemplate(`switch/${name}`)) + (add?.(limits) ?? ""),
    })),
  );
  const files = units.map(({ name, text }) => `cat >/etc/systemd/system/${name} <<'${END}'\n${text}${END}\n`);
  return ["sh", "-c", files.join("") + (await readTemplate("switch/arm.sh"))];
}

/** Ends each file in the command; no line of a unit. */
const END = "mayfly-end";

const secondsFrom = (ms: number): string => `${Math.ceil(ms / 1000)}s`;
