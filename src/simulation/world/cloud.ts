import { CapacityError, NotFoundError, SystemError, TransientError } from "../../domain/errors.ts";
import type { EpochMs, MachineId } from "../../domain/ids.ts";
import type { FleetDeps } from "../../pool/fleet.ts";
import type { Driver, DriverWatcher, Instance, LaunchSpec, Power, StartSpec } from "../../ports/driver.ts";
import type { Draw } from "../draw.ts";
import { instanceFrom } from "../driver.ts";
import type { FaultKind } from "../faults/kinds.ts";
import { isRunning } from "../provider.ts";
import type { ProviderInstance } from "../provider.ts";
import { createOmissions } from "./omissions.ts";
import type { ManagerProcess } from "./process.ts";
import type { World } from "./world.ts";

/** The owner tag of the simulated manager. */
export const OWNER = "simulated";
/** A list shows what was true so long ago, at the most, in milliseconds. */
const STALE_MS = 30_000;
const THROTTLED = "request limit exceeded";

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

/** The provider's side of the calls. */
interface Calls extends Power {
  launch(spec: LaunchSpec, token: string, signal: AbortSignal): Promise<Instance>;
  list(signal: AbortSignal): Promise<readonly Instance[]>;
  terminate(providerIds: readonly string[], signal: AbortSignal): Promise<void>;
  watch(watcher: DriverWatcher): () => void;
  /** Tells all watchers that an instance will be taken back. */
  giveNotice(instance: ProviderInstance, takenAt: EpochMs): void;
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
  const history = createListHistory(world);
  const omissions = createOmissions(world);

  const callMs = (): number => draw.between(...day.provider.callMs);
  const pause = (signal: AbortSignal, ms: number = callMs()): Promise<void> => clock.sleep(ms, signal);
  const ours = (): ProviderInstance[] => provider.instances().filter((instance) => instance.owner === OWNER);

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

    async stop(providerIds, signal) {
      const targets = ours().filter(({ providerId }) => providerIds.includes(providerId));
      const machineIds = targets.map(({ machineId }) => machineId);
      world.tell({ what: "called", verb: "stop", machineIds, token: "" });
      signal.throwIfAborted();
      if (faults.strikes("stop-lost")) await untilAborted(signal);
      await pause(signal);
      if (faults.strikes("calls-throttled")) throw new TransientError("throttled", THROTTLED);
      if (faults.strikes("stop-refused")) {
        for (const machineId of machineIds) touch(machineId, "stop-refused");
        throw new SystemError("ec2-refused", "UnsupportedOperation: it cannot be stopped");
      }
      const slow = faults.strikes("stop-slow");
      for (const instance of targets) {
        if (!isRunning(instance)) continue;
        const scale = slow === undefined ? 1 : slow.draw.between(5, 60);
        if (slow !== undefined) touch(instance.machineId, "stop-slow");
        const stopMs = draw.between(...(day.provider.stopMs ?? [0, 0])) * scale;
        side.stop(instance, stopMs);
        clock.schedule(stopMs, () => history.keep());
      }
      if (faults.strikes("stop-answer-lost")) await untilAborted(signal);
      await pause(signal);
    },

    async start({ providerId }, signal) {
      const instance = ours().find((one) => one.providerId === providerId);
      const machineIds = instance === undefined ? [] : [instance.machineId];
      world.tell({ what: "called", verb: "start", machineIds, token: "" });
      signal.throwIfAborted();
      if (faults.strikes("start-lost")) await untilAborted(signal);
      await pause(signal);
      if (faults.strikes("calls-throttled")) throw new TransientError("throttled", THROTTLED);
      if (instance === undefined || instance.goneAt !== undefined)
        throw new NotFoundError("no-such-instance", `the instance ID '${providerId}' does not exist`);
      if ((instance.stoppedAt ?? 0) > clock.now()) throw new TransientError("wrong-state", "it is still being stopped");
      if (!isRunning(instance) && faults.strikes("start-no-capacity")) {
        touch(instance.machineId, "start-no-capacity");
        throw new CapacityError("no-capacity", "the provider has no capacity of that kind");
      }
      const run = (): void => {
        if (isRunning(instance) || instance.goneAt !== undefined) return;
        side.start(instance);
        world.journal.note(`${instance.machineId} ${providerId}`, "instance started");
        history.keep();
        world.tell({ what: "started", instance });
      };
      const late = faults.strikes("start-effect-late");
      if (late !== undefined) {
        touch(instance.machineId, "start-effect-late");
        clock.schedule(late.draw.between(5_000, 240_000), run);
        if (late.draw.chance(0.5)) throw new TransientError("timeout", "the connection timed out");
        await untilAborted(signal);
      }
      run();
      if (faults.strikes("start-answer-lost")) await untilAborted(signal);
      if (faults.strikes("start-answer-cut")) throw new TransientError("reset", "connection reset");
      await pause(signal);
      return instanceFrom(instance, clock.now());
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

/** Lists as they were: what a provider shows that has not caught up with itself. */
function createListHistory({ clock, provider }: World) {
  const snapshots: { readonly at: EpochMs; readonly instances: readonly Instance[] }[] = [];
  const now = (): readonly Instance[] =>
    provider
      .instances()
      .filter(({ owner }) => owner === OWNER)
      .map((instance) => instanceFrom(instance, clock.now()));
  return {
    now,
    keep() {
      snapshots.push({ at: clock.now(), instances: now() });
      while ((snapshots[1]?.at ?? Infinity) < clock.now() - STALE_MS) snapshots.shift();
    },
    asOf: (at: EpochMs): readonly Instance[] => snapshots.findLast((snapshot) => snapshot.at <= at)?.instances ?? [],
  };
}

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });

function driverOf(world: World, calls: Calls, process: ManagerProcess): Driver {
  const { watch, callBudget, stopMs } = world.day.provider;
  return {
    name: "simulated",
    capabilities: { watch, callBudget },
    launch: (spec, token, signal) => process.call("driver.launch", () => calls.launch(spec, token, signal)),
    list: (signal) => process.call("driver.list", () => calls.list(signal)),
    terminate: (ids, signal) => process.call("driver.terminate", () => calls.terminate(ids, signal)),
    ...(stopMs && {
      power: {
        stop: (ids: readonly string[], signal: AbortSignal) =>
          process.call("driver.stop", () => calls.stop(ids, signal)),
        start: (spec: StartSpec, signal: AbortSignal) => process.call("driver.start", () => calls.start(spec, signal)),
      },
    }),
    ...(watch && { watch: (watcher: DriverWatcher) => watchFrom(process, watcher, calls.watch) }),
    close: async () => undefined,
  };
}

/** Lets a process hear what is told, for as long as it lives and whenever it does not stand still. */
function watchFrom(process: ManagerProcess, watcher: DriverWatcher, watch: Calls["watch"]): () => void {
  const stop = watch({
    onGone: (...news) => process.deliver(() => watcher.onGone(...news)),
    onInterruption: (...news) => process.deliver(() => watcher.onInterruption?.(...news)),
  });
  process.onDeath(stop);
  return stop;
}
