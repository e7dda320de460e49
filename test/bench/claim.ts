import { join } from "node:path";
import { createApiClient } from "../../src/api/client.ts";
import { startApiServer } from "../../src/api/server.ts";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import type { MachineIn } from "../../src/domain/machine.ts";
import { openChannel } from "../../src/guest/handshake.ts";
import { CLAIM_GOAL_MS } from "../../src/host/checkSpeed.ts";
import type { Manager } from "../../src/ports/manager.ts";
import type { Store } from "../../src/ports/store.ts";
import { buildTestImage } from "../support/integrationSetup.ts";
import { silentLogger as logger } from "../support/jobs.ts";
import { startRealManager } from "../support/realManager.ts";
import { makeRealState } from "../support/realState.ts";
import { until } from "../support/until.ts";
import type { BenchContext } from "./bench.ts";
import type { Goal } from "./goals.ts";
import { comparisonFrom } from "./turns.ts";
import type { Comparison } from "./turns.ts";

/** Of one new connection, under software emulation. */
const EMULATED_GOAL = 1 / 2;
const CALL_DEADLINE_MS = 60_000;
/** The first machine may have to wait for a boot of the golden state, and for its emulation. */
const IDLE_DEADLINE_MS = 10 * 60_000;
/** What a manager starts on an idle machine ahead of its job is there by then. */
const IDLED_MS = 5_000;
const WORDS = "the first byte";
const VERSION = "0.0.0";
const USER = "runner";

/** One machine that is never replaced: what would come up beside a script is not part of its way. */
const POOLS = `
[[pool]]
name = "small"
max_machines = 1
idle_count = 1
[pool.qemu]
memory = "1GiB"
`;

/** What a claim came to. */
interface Claimed {
  readonly tookMs: number;
  /** Gives the machine back. */
  end(): Promise<unknown>;
}

/**
 * Compares the way from a claim to the first byte of a script, through the API, store and kept channel of a manager, with one new
 * SSH connection to the very same machine. Each machine serves once: the connection comes before the claim in one round, and
 * behind the first byte in the next, so that neither always finds what the other has warmed.
 */
export async function compareClaims(context: BenchContext): Promise<readonly Comparison[]> {
  const { rounds, progress, signal } = context;
  const { imagesDir, chooseAccelerator } = await buildTestImage(progress, signal);
  const step = progress.step("Measuring claims of an idle machine");
  const state = await makeRealState(imagesDir);
  try {
    const { running, store } = await startRealManager(state, POOLS);
    const socketPath = join(state.stateDir, "mayfly.sock");
    const server = await startApiServer({ manager: running.manager, socketPath, logger, version: VERSION });
    try {
      const manager = createApiClient(socketPath);
      const kinds = [
        {
          title: "a lease and its first command, to the first byte",
          claim: claimLease,
          pairs: [] as [number, number][],
        },
        { title: "a job, to the first byte of its script", claim: claimJob, pairs: [] as [number, number][] },
      ];
      for (let round = 0; round <= rounds; round += 1) {
        step.update(`round ${round} of ${rounds}`, round / (rounds + 1));
        for (const { claim, pairs } of kinds) {
          signal.throwIfAborted();
          const pair = await measure(manager, store, claim, round % 2 === 0);
          // The first round is not counted.
          if (round > 0) pairs.push(pair);
        }
      }
      step.done(`${rounds} rounds`);
      const isEmulated = (await chooseAccelerator(signal)) === "tcg";
      const goal: Goal = isEmulated ? { of: "ratio", atMost: EMULATED_GOAL } : { of: "second", atMost: CLAIM_GOAL_MS };
      const names = ["one new ssh connection", "claim to the first byte"] as const;
      return kinds.map(({ title, pairs }) => ({ ...comparisonFrom(title, "ms", names, pairs), goal }));
    } finally {
      await server.close();
      await running.close(AbortSignal.abort());
    }
  } catch (error) {
    step.fail("");
    throw error;
  } finally {
    await state.remove();
  }
}

/** Milliseconds of one connection, and of one claim, on one machine, which is gone afterwards. */
async function measure(
  manager: Manager,
  store: Store,
  claim: (manager: Manager) => Promise<Claimed>,
  isConnectedFirst: boolean,
): Promise<[number, number]> {
  const machine = await until("a machine is idle", IDLE_DEADLINE_MS, async () =>
    (await manager.machines(false)).find((one): one is MachineIn<"idle"> => one.state === "idle"),
  );
  await clock.sleep(IDLED_MS, deadline());
  const before = isConnectedFirst ? await connectTo(machine, store) : undefined;
  const { tookMs, end } = await claim(manager);
  const connectedMs = before ?? (await connectTo(machine, store));
  await end();
  await until("the machine is gone", IDLE_DEADLINE_MS, async () =>
    (await manager.machines(false)).every(({ id }) => id !== machine.id),
  );
  return [connectedMs, tookMs];
}

/** From nothing to a connection that is logged in, with the same few algorithms as the kept one. */
async function connectTo(machine: MachineIn<"idle">, store: Store): Promise<number> {
  const keys = await store.keysOf(machine.id);
  if (keys === undefined) throw new Error(`Expected the store to have keys of ${machine.id}`);
  const startedAt = performance.now();
  const channel = await openChannel(machine.address, keys, USER, CALL_DEADLINE_MS, clock, deadline());
  const tookMs = performance.now() - startedAt;
  channel.close();
  return tookMs;
}

async function claimLease(manager: Manager): Promise<Claimed> {
  const startedAt = performance.now();
  const { lease } = await manager.acquireLease({ poolName: "small", holder: "bench" });
  if (lease.state !== "held") throw new Error(`Expected a lease that is held at once, got one that is ${lease.state}`);
  const process = await manager.execOnLease(lease.id, `echo ${WORDS}`, {}, deadline());
  process.exited.catch(() => undefined);
  await saidBy(process.stdout);
  const tookMs = performance.now() - startedAt;
  return { tookMs, end: () => manager.releaseLease(lease.id) };
}

async function claimJob(manager: Manager): Promise<Claimed> {
  const startedAt = performance.now();
  const job = await manager.submitJob({
    ...{ name: "bench", poolName: "small", holder: "bench", services: [], variables: {}, echoCommands: false },
    ...{ beforeScript: [], script: [`echo ${WORDS}`, "sleep 600"], afterScript: [] },
  });
  await saidBy(manager.jobLog(job.id, 0, true, deadline()));
  const tookMs = performance.now() - startedAt;
  return { tookMs, end: () => manager.cancelJob(job.id, true) };
}

/** Resolves once the words have come. */
async function saidBy(output: AsyncIterable<Uint8Array>): Promise<void> {
  let text = "";
  for await (const bytes of output) {
    text += Buffer.from(bytes).toString();
    if (text.includes(WORDS)) return;
  }
  throw new Error(`Expected "${WORDS}", got ${JSON.stringify(text)}`);
}

const deadline = (): AbortSignal => AbortSignal.timeout(CALL_DEADLINE_MS);
