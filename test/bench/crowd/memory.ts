import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createApiClient } from "../../../src/api/client.ts";
import { systemClock as clock } from "../../../src/daemon/clock.ts";
import type { Progress } from "../../../src/ports/progress.ts";
import { buildSources } from "../built.ts";
import { startEmptyProcess, startMeasured } from "../memory.ts";
import { comparisonFrom } from "../turns.ts";
import type { Comparison } from "../turns.ts";
import { LEASES_A_SECOND, loadManager, MACHINES } from "./load.ts";

const PROCESS = fileURLToPath(new URL("process.ts", import.meta.url));
/** What it must stay under, in megabytes. */
const GOAL_MB = 512;
const LOAD_MS = 180_000;
const READING_EVERY_MS = 3_000;
/** Leases are given back only after a while: what comes before is not the load yet. */
const SETTLE_MS = 60_000;
const BYTES_PER_MB = 1_000_000;

/** Compares the memory of a manager with very many machines, at work, with that of an empty Node process. */
export async function compareCrowd(progress: Progress, signal: AbortSignal): Promise<Comparison> {
  const title = `${MACHINES} machines and ${LEASES_A_SECOND} leases a second`;
  const step = progress.step(`Measuring a manager with ${title}`);
  const stateDir = await mkdtemp(join(tmpdir(), "mayfly-crowd-"));
  try {
    await using empty = await startEmptyProcess();
    await using built = await buildSources();
    await using manager = await startMeasured([await built.add("crowd", PROCESS), stateDir]);
    const over = new AbortController();
    const loaded = loadManager(createApiClient(join(stateDir, "mayfly.sock")), AbortSignal.any([signal, over.signal]));
    const pairs: [number, number][] = [];
    const startedAt = performance.now();
    const read = async (): Promise<void> => {
      for (let passedMs = 0; passedMs < LOAD_MS; passedMs = performance.now() - startedAt) {
        step.update(`${Math.round(passedMs / 1_000)} of ${LOAD_MS / 1_000} s`, passedMs / LOAD_MS);
        await clock.sleep(READING_EVERY_MS, signal);
        const pair: [number, number] = [await empty.residentBytes(), await manager.residentBytes()];
        if (performance.now() - startedAt > SETTLE_MS) pairs.push([pair[0] / BYTES_PER_MB, pair[1] / BYTES_PER_MB]);
      }
    };
    // A load that fails ends the reading, too.
    await Promise.race([read(), loaded]);
    over.abort();
    const { held } = await loaded;
    signal.throwIfAborted();
    // A busy host does not bear the whole load: what it bore stands beside the figure.
    const rate = Math.round(held / (LOAD_MS / 1_000));
    step.done(`${rate} leases a second`);
    const names = ["empty Node process", `manager, ${MACHINES} machines and ${rate} leases a second`] as const;
    return {
      ...comparisonFrom(`resident memory, ${title}`, "MB", names, pairs),
      goal: { of: "second", atMost: GOAL_MB },
    };
  } finally {
    await rm(stateDir, { recursive: true, force: true });
  }
}
