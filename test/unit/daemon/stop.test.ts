import { describe, expect, it } from "vitest";
import { drainManager } from "../../../src/daemon/stop.ts";
import type { DrainOutcome } from "../../../src/daemon/stop.ts";
import type { LeaseId } from "../../../src/domain/ids.ts";
import { composeForTest, simulatedConfig } from "../../support/composed.ts";
import type { ComposedManager } from "../../support/composed.ts";
import { pool } from "../../support/pools.ts";

const STOP_TIMEOUT_MS = 45_000;

interface Drain {
  readonly hurry: AbortController;
  readonly handOver: AbortController;
  readonly outcome: Promise<DrainOutcome>;
  isOver(): boolean;
}

function startDrain({ running, clock, logger }: ComposedManager): Drain {
  const [hurry, handOver] = [new AbortController(), new AbortController()];
  const orders = { hurry: hurry.signal, handOver: handOver.signal };
  let isOver = false;
  const outcome = drainManager(running, { clock, logger, stopTimeoutMs: STOP_TIMEOUT_MS }, orders).finally(() => {
    isOver = true;
  });
  return { hurry, handOver, outcome, isOver: () => isOver };
}

/** A manager of two machines, both leased, for whom a third holder waits. */
async function busyManager(): Promise<ComposedManager & { readonly held: LeaseId; readonly waiting: LeaseId }> {
  const composed = await composeForTest(simulatedConfig({ pools: [pool({ maxMachines: 2, idleCount: 2 })] }));
  const { manager } = composed.running;
  await composed.clock.advance(5_000);
  const [{ lease: held }, , { lease: waiting }] = [
    await manager.acquireLease({ poolName: "small", holder: "ann", ttlMs: 3_600_000 }),
    await manager.acquireLease({ poolName: "small", holder: "bob", ttlMs: 3_600_000 }),
    await manager.acquireLease({ poolName: "small", holder: "cid", ttlMs: 3_600_000 }),
  ];
  composed.lines.length = 0;
  return { ...composed, held: held.id, waiting: waiting.id };
}

const stopping = (lines: readonly string[]): string[] => lines.filter((line) => line.includes("stopping:"));

describe("a manager that stops", () => {
  it("refuses newcomers, ends who waits, and waits for held leases, saying so every ten seconds", async () => {
    const composed = await busyManager();
    const { clock, running, provider, held, waiting, lines } = composed;
    const { manager } = running;
    const drain = startDrain(composed);
    await clock.advance(1_000);

    await expect(manager.acquireLease({ poolName: "small", holder: "dan" })).rejects.toMatchObject({
      code: "manager-stopping",
    });
    expect(await manager.awaitLease(waiting, 0, undefined, new AbortController().signal)).toMatchObject({
      lease: { state: "ended", outcome: "shutdown" },
    });
    expect(await manager.health()).toMatchObject({ status: "stopping" });
    await clock.advance(11_000);
    await manager.releaseLease(held);
    await clock.advance(9_000);
    expect(drain.isOver()).toBe(false);
    for (const { lease } of await manager.leases(false)) await manager.releaseLease(lease.id);
    await clock.advance(1_000);

    expect(await drain.outcome).toBe("drained");
    expect(provider.instances()).toEqual([]);
    const both = String.raw`lease l-\w+ of ann on m-\w+, lease l-\w+ of bob on m-\w+`;
    expect(stopping(lines)).toEqual([
      "info: stopping: takes no more jobs, gives no more leases, ends what waits",
      expect.stringMatching(new RegExp(`^info: stopping: waits for ${both}; 45s more at the longest$`)),
      expect.stringMatching(new RegExp(`^info: stopping: waits for ${both}; 35s more at the longest$`)),
      expect.stringMatching(/^info: stopping: waits for lease l-\w+ of bob on m-\w+; 25s more at the longest$/),
      "info: stopping: no job runs and no lease is held, terminates the machines",
    ]);
  });

  it("waits no longer than its stop timeout, then ends what is left, and says so", async () => {
    const composed = await busyManager();
    const { clock, running, provider, lines } = composed;
    const drain = startDrain(composed);

    await clock.advance(STOP_TIMEOUT_MS - 1);
    expect(drain.isOver()).toBe(false);
    await clock.advance(1);

    expect(await drain.outcome).toBe("late");
    expect(lines.at(-1)).toMatch(
      /^warn: stopping: stop_timeout is over, cancels lease l-\w+ of ann on .*, lease .* of bob/,
    );
    expect(provider.instances()).toHaveLength(2);
    const ended = running.endAll(new AbortController().signal);
    await clock.advance(1_000);
    expect(await ended).toEqual([]);
    expect(provider.instances()).toEqual([]);
  });

  it("is hurried by an order", async () => {
    const composed = await busyManager();
    const drain = startDrain(composed);
    await composed.clock.advance(3_000);

    drain.hurry.abort();

    expect(await drain.outcome).toBe("hurried");
    expect(composed.lines.at(-1)).toMatch(/^warn: stopping: told to hurry, ends lease .* by force$/);
  });

  it("leaves what is left to the next manager when it is told so meanwhile", async () => {
    const composed = await busyManager();
    const drain = startDrain(composed);
    await composed.clock.advance(3_000);

    drain.handOver.abort();

    expect(await drain.outcome).toBe("handed-over");
    await composed.running.handOver();
    expect(composed.provider.instances()).toHaveLength(2);
  });

  it("says nothing of waiting when there is nothing to wait for", async () => {
    const composed = await composeForTest();
    await composed.clock.advance(5_000);
    composed.lines.length = 0;

    expect(await startDrain(composed).outcome).toBe("drained");

    expect(composed.lines.filter((line) => line.includes("waits for"))).toEqual([]);
  });
});
