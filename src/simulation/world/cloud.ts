import { CapacityError, SystemError, TransientError } from "../../domain/errors.ts";
import type { MachineId } from "../../domain/ids.ts";
import type { FleetDeps } from "../../pool/fleet.ts";
import type { Driver, DriverWatcher, LaunchSpec } from "../../ports/driver.ts";
import type { Draw } from "../draw.ts";
import { instanceFrom } from "../driver.ts";
import type { FaultKind } from "../faults/kinds.ts";
import type { ProviderInstance } from "../provider.ts";
import { driverOf, THROTTLED, untilAborted } from "./cloudCalls.ts";
import type { Calls } from "./cloudCalls.ts";
import { createPowerCalls } from "./cloudPower.ts";
import { createListHistory, STALE_MS } from "./listHistory.ts";
import { createOmissions } from "./omissions.ts";
import type { ManagerProcess } from "./process.ts";
import type { World } from "./world.ts";

/** The owner tag of the simulated manager. */
export const OWNER = "simulated";

/** A spot notice comes so long before the end, at the most. */
const NOTICE_MS = 120_000;

/** The provider of a day, as it is for every manager: a request that was sent has its effect, whoever dies. */
export interface Cloud {
  /** The driver of one process. */
  driverFor(process: ManagerProcess, parts: Pick<FleetDeps, "clock" | "logger">): Driver;
  /** Whether the provider may take an instance back. */
  isOnLoan(instance: ProviderInstance): boolean;
  /** Gives notice of an instance, and takes it back. */
  takeBack(instance: ProviderInstance, draw: Draw): void;
  /** Somebody deletes what launches are made from. */
  deleteTemplates(): void;
}

/** Creates the simulated provider of a world. */
export function createCloud(world: World): Cloud {
  const calls = createCalls(world);
  return {
    driverFor: (process) => driverOf(world, calls, process),
    isOnLoan: () => true,
    takeBack(instance, draw) {
      const noticeMs = draw.between(0, NOTICE_MS);
      calls.giveNotice(instance, world.clock.now() + world.jumpedMs + noticeMs);
      world.clock.schedule(noticeMs, () => world.provider.vanishInstance(instance.providerId));
    },
    deleteTemplates: () => undefined,
  };
}

function createCalls(world: World): Calls {
  const { clock, day, draw, faults, provider } = world;
  const side = provider.driverSide;
  const byToken = new Map<string, ProviderInstance>();
  const watchers = new Set<DriverWatcher>();
  const ours = (): ProviderInstance[] => provider.instances().filter((instance) => instance.owner === OWNER);
  const history = createListHistory(world, ours);
  const omissions = createOmissions(world);

  const callMs = (): number => draw.between(...day.provider.callMs);
  const pause = (signal: AbortSignal, ms: number = callMs()): Promise<void> => clock.sleep(ms, signal);

  const add = (spec: LaunchSpec, token: string): ProviderInstance => {
    const known = byToken.get(token);
    if (known !== undefined) return known;
    const { machineId, poolName } = spec;
    const instance = side.add({ owner: OWNER, token, machineId, poolName });
    byToken.set(token, instance);
    world.truth.machine(machineId).instances.push(instance);
    world.journal.note(`${machineId} ${instance.providerId}`, "instance launched");
    world.tell({ what: "launched", instance });
    history.keep();
    return instance;
  };
  const touch = (machineId: MachineId, kind: FaultKind): void => {
    world.truth.machine(machineId).touches.set(kind, clock.monotonic());
    world.journal.note(machineId, `fault: ${kind}`);
  };
  provider.onEnd((instance, detail, isExpected) => {
    world.journal.note(`${instance.machineId} ${instance.providerId}`, `instance ended: ${detail}`);
    history.keep();
    if (isExpected) return;
    for (const watcher of [...watchers]) watcher.onGone(instance.providerId, detail);
  });

  const refusal = (): readonly [FaultKind, Error] | undefined => {
    if (faults.strikes("calls-throttled")) return ["calls-throttled", new TransientError("throttled", THROTTLED)];
    const quota = faults.strikes("quota-lowered");
    if (quota !== undefined && ours().length > quota.fault.value * day.maxMachines)
      return ["quota-lowered", new CapacityError("quota", "the quota is used up")];
    if (faults.strikes("launch-no-capacity"))
      return ["launch-no-capacity", new CapacityError("no-capacity", "the provider has no capacity of that kind")];
    if (faults.strikes("launch-quota")) return ["launch-quota", new CapacityError("quota", "the quota is used up")];
    if (faults.strikes("launch-throttled")) return ["launch-throttled", new TransientError("throttled", THROTTLED)];
    return undefined;
  };

  return {
    ...createPowerCalls(world, { pause, ours, touch, history }),

    async launch(spec, token, signal) {
      world.tell({ what: "called", verb: "launch", machineIds: [spec.machineId], token });
      signal.throwIfAborted();
      const refused = byToken.has(token) ? undefined : refusal();
      if (refused !== undefined) {
        touch(spec.machineId, refused[0]);
        await pause(signal);
        throw refused[1];
      }
      const late = faults.strikes("launch-effect-late");
      const effectMs = late === undefined ? callMs() : 5_000 + late.draw.between(0, 235_000);
      const effect = Promise.withResolvers<ProviderInstance>();
      clock.schedule(effectMs, () => effect.resolve(add(spec, token)));
      if (late !== undefined) {
        touch(spec.machineId, "launch-effect-late");
        await pause(signal);
        if (late.draw.chance(0.5)) throw new TransientError("timeout", "the connection timed out");
        await untilAborted(signal);
      }
      if (faults.strikes("launch-answer-lost")) {
        touch(spec.machineId, "launch-answer-lost");
        await untilAborted(signal);
      }
      const slow = faults.strikes("launch-answer-late");
      if (slow !== undefined) touch(spec.machineId, "launch-answer-late");
      const instance = await effect.promise;
      signal.throwIfAborted();
      if (faults.strikes("launch-answer-cut")) {
        touch(spec.machineId, "launch-answer-cut");
        throw new TransientError("reset", "connection reset");
      }
      await pause(signal, slow === undefined ? callMs() : slow.draw.between(10_000, 200_000));
      return instanceFrom(instance, clock.now());
    },

    async list(signal) {
      world.tell({ what: "called", verb: "list", machineIds: [], token: "" });
      signal.throwIfAborted();
      if (faults.strikes("list-hangs")) await untilAborted(signal);
      await pause(signal);
      if (faults.strikes("calls-throttled") ?? faults.strikes("list-fails"))
        throw new TransientError("throttled", THROTTLED);
      const stale = faults.strikes("list-stale");
      const all = stale === undefined ? history.now() : history.asOf(clock.now() - stale.draw.between(0, STALE_MS));
      const partial = faults.strikes("list-partial");
      return partial === undefined ? all : all.filter(({ providerId }) => !omissions.isOmitted(providerId, partial));
    },

    async terminate(providerIds, signal) {
      const targets = ours().filter(({ providerId }) => providerIds.includes(providerId));
      const machineIds = targets.map(({ machineId }) => machineId);
      world.tell({ what: "called", verb: "terminate", machineIds, token: "" });
      signal.throwIfAborted();
      if (faults.strikes("terminate-lost")) await untilAborted(signal);
      await pause(signal);
      if (faults.strikes("calls-throttled") ?? faults.strikes("terminate-refused"))
        throw new TransientError("throttled", THROTTLED);
      const isAllGone = targets.every(({ goneAt }) => goneAt !== undefined);
      // A driver reads "no such instance" as success; a provider says so of one that it has not heard of everywhere yet.
      if (!isAllGone && faults.strikes("terminate-not-found")) {
        for (const machineId of machineIds) touch(machineId, "terminate-not-found");
        return;
      }
      if (isAllGone && faults.strikes("terminate-unauthorized"))
        throw new SystemError("unauthorized", "UnauthorizedOperation: not authorized to perform this operation");
      const slow = faults.strikes("terminate-slow");
      for (const instance of targets) {
        if (instance.goneAt !== undefined) continue;
        world.tell({ what: "ended-by-us", instance });
        const scale = slow === undefined ? 1 : slow.draw.between(5, 60);
        side.terminate(instance, draw.between(...day.provider.terminateMs) * scale);
      }
      if (faults.strikes("terminate-answer-lost")) await untilAborted(signal);
      await pause(signal);
    },

    watch(watcher) {
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
    giveNotice(instance, takenAt) {
      const detail = "the provider takes the instance back";
      for (const watcher of [...watchers]) watcher.onInterruption?.(instance.providerId, detail, takenAt);
    },
  };
}
