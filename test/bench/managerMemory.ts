import { systemClock as clock } from "../../src/daemon/clock.ts";
import type { Progress } from "../../src/ports/progress.ts";
import { MACHINES, MEMORY_GOAL_BYTES, startEmptyProcess, startMeasuredManager } from "./memory.ts";
import type { MeasuredProcess } from "./memory.ts";
import { comparisonFrom } from "./turns.ts";
import type { Comparison } from "./turns.ts";

/** Long enough for what a start leaves behind to settle. */
const READINGS = 60;
const READING_EVERY_MS = 1_000;
const REQUESTS = 1_000;
const BYTES_PER_MB = 1_000_000;

/** Compares a manager's memory with that of an empty Node process: idle for a minute, then after many requests. */
export async function compareMemory(progress: Progress, signal: AbortSignal): Promise<readonly Comparison[]> {
  const step = progress.step(`Measuring a manager with ${MACHINES} idle machines`);
  await using empty = await startEmptyProcess();
  await using manager = await startMeasuredManager();
  const names = ["empty Node process", `manager, ${MACHINES} idle machines`] as const;
  const goal = { of: "second", atMost: MEMORY_GOAL_BYTES / BYTES_PER_MB } as const;
  const compare = (title: string, pairs: readonly (readonly [number, number])[]): Comparison => ({
    ...comparisonFrom(title, "MB", names, pairs),
    goal,
  });

  const idle: [number, number][] = [];
  while (idle.length < READINGS) {
    step.update(`reading ${idle.length + 1} of ${READINGS}`, idle.length / READINGS);
    await clock.sleep(READING_EVERY_MS, signal);
    idle.push(await readPair(empty, manager));
  }
  step.update(`${REQUESTS} requests`);
  const asked: [number, number][] = [];
  for (let request = 1; request <= REQUESTS; request += 1) {
    signal.throwIfAborted();
    await manager.client.machines(false);
    if (request % (REQUESTS / 10) === 0) asked.push(await readPair(empty, manager));
  }
  step.done();
  return [
    compare("resident memory, idle for a minute", idle),
    compare(`resident memory during ${REQUESTS} requests`, asked),
  ];
}

const readPair = async (empty: MeasuredProcess, manager: MeasuredProcess): Promise<[number, number]> => [
  (await empty.residentBytes()) / BYTES_PER_MB,
  (await manager.residentBytes()) / BYTES_PER_MB,
];
