import type { Manager } from "../ports/manager.ts";
import { createOutage, isAbsent, isUnanswered } from "./outage.ts";
import type { OutageOptions } from "./outage.ts";

/**
 * Creates a manager that outlives the one it asks: a question that breaks off, or finds nobody, is asked again once a manager
 * answers. Logs go on at their byte; what must not happen twice carries a key. Processes on machines and streams to their
 * engines are not taken up again: they break, as they did. Until the first answer, a manager that is not there is not waited for.
 * Beside what a Manager throws: SystemError `manager-away` when none came back in time.
 */
export function createReconnectingManager(manager: Manager, options: OutageOptions): Manager {
  const outage = createOutage(() => manager.health(), options);
  let hasAnswered = options.wasThere ?? false;
  // A daemon that never was there is not waited for: whoever asked is told at once.
  const isWaitedFor = (error: unknown): boolean => {
    hasAnswered ||= !isAbsent(error);
    return isUnanswered(error) && hasAnswered;
  };
  const newKey = (): string => options.random.id("key");
  const again = async <Answer>(
    ask: () => Promise<Answer>,
    signal?: AbortSignal,
    canAskAgain = true,
  ): Promise<Answer> => {
    for (;;) {
      try {
        const answer = await ask();
        hasAnswered = true;
        return answer;
      } catch (error) {
        if (!isWaitedFor(error) || !canAskAgain) throw error;
        await outage.over(error, signal);
      }
    }
  };

  async function* readOn(
    offset: number,
    signal: AbortSignal,
    read: (position: number) => AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    let position = offset;
    for (;;) {
      try {
        for await (const bytes of read(position)) {
          hasAnswered = true;
          position += bytes.length;
          yield bytes;
        }
        return;
      } catch (error) {
        if (!isWaitedFor(error)) throw error;
        await outage.over(error, signal);
      }
    }
  }

  return {
    ...manager,
    health: () => again(() => manager.health()),
    pools: () => again(() => manager.pools()),
    pool: (name) => again(() => manager.pool(name)),
    poolShadows: (name) => again(() => manager.poolShadows(name)),
    poolWhy: (name) => again(() => manager.poolWhy(name)),
    machines: (all) => again(() => manager.machines(all)),
    machine: (id) => again(() => manager.machine(id)),

    acquireLease: (request, key = newKey()) => again(() => manager.acquireLease(request, key)),
    leases: (all) => again(() => manager.leases(all)),
    awaitLease: (id, waitMs, knownWhy, signal) => again(() => manager.awaitLease(id, waitMs, knownWhy, signal), signal),
    renewLease: (id) => again(() => manager.renewLease(id)),
    releaseLease: (id) => again(() => manager.releaseLease(id)),

    // What can be read but once is gone with the first try.
    putArchive: (bytes, signal) => again(() => manager.putArchive(bytes, signal), signal, !isOneShot(bytes)),
    submitJob: (spec, key = newKey()) => again(() => manager.submitJob(spec, key)),
    jobs: (all) => again(() => manager.jobs(all)),
    job: (id) => again(() => manager.job(id)),
    awaitJob: (id, waitMs, signal) => again(() => manager.awaitJob(id, waitMs, signal), signal),
    cancelJob: (id, force) => again(() => manager.cancelJob(id, force)),
    jobEvents: (id) => again(() => manager.jobEvents(id)),
    jobWhy: (id) => again(() => manager.jobWhy(id)),
    startStage: (id, request, key = newKey()) => again(() => manager.startStage(id, request, key)),
    awaitStage: (id, number, waitMs, signal) => again(() => manager.awaitStage(id, number, waitMs, signal), signal),
    stopStage: (id, number) => again(() => manager.stopStage(id, number)),
    finishJob: (id) => again(() => manager.finishJob(id)),
    stageLog: (id, number, offset, signal) =>
      readOn(offset, signal, (position) => manager.stageLog(id, number, position, signal)),
    jobLog: (id, offset, follow, signal) =>
      readOn(offset, signal, (position) => manager.jobLog(id, position, follow, signal)),
  };
}

const isOneShot = (bytes: AsyncIterable<Uint8Array>): boolean =>
  (bytes[Symbol.asyncIterator]() as unknown) === (bytes as unknown);
