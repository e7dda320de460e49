import type { AcceleratorName } from "../drivers/qemu/options.ts";
import type { Check } from "./check.ts";

/** What machines of this host should attain, and how that is measured; nothing where only emulation works, which spreads too much. */
export function checkSpeed(accelerator: AcceleratorName | undefined): readonly Check[] {
  if (accelerator === undefined || accelerator === "tcg") return [];
  const detail =
    `with ${accelerator} a restored machine should be ready within ${RESTORED_GOAL_MS} ms, and a claim reach its script within ` +
    `${CLAIM_GOAL_MS} ms; in mayfly's source \`npm run bench -- --only restore,claim\` measures this host`;
  return [{ name: "speed", status: "ok", detail }];
}

/** From the launch on, with hardware acceleration. In milliseconds. */
export const RESTORED_GOAL_MS = 150;
/** From the claim of an idle machine to the script's first byte. In milliseconds. */
export const CLAIM_GOAL_MS = 50;
