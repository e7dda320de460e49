import { CapacityError, NotFoundError, TransientError } from "../domain/errors.ts";
import type { EpochMs } from "../domain/ids.ts";
import type { Driver, Instance } from "../ports/driver.ts";
import type { ProviderInstance, SimulatedProvider } from "./provider.ts";

/**
 * Creates a driver of pretended machines for one owner. It keeps nothing itself: another driver over the same provider
 * finds what this one launched, as after a restart.
 */
export function createSimulatedDriver(provider: SimulatedProvider, owner: string): Driver {
  const { driverSide: side } = provider;
  const { clock } = side;
  const watches = new Set<() => void>();

  const ours = (): ProviderInstance[] => provider.instances().filter((instance) => instance.owner === owner);

  return {
    name: "simulated",
    capabilities: { watch: true },
    async launch(spec, token, signal) {
      side.record("launch", owner, [token]);
      signal.throwIfAborted();
      side.throwFault("launch", "before");
      const known = ours().find((instance) => instance.token === token);
      if (known === undefined && !side.hasRoom())
        throw new CapacityError("no-room", `the simulated provider has no room beside ${ours().length} instances`);
      const instance = known ?? side.add({ owner, token, machineId: spec.machineId, poolName: spec.poolName });
      if (instance.runningAt > clock.now()) await clock.sleep(instance.runningAt - clock.now(), signal);
      side.throwFault("launch", "after");
      return instanceFrom(instance, clock.now());
    },
    async list(signal) {
      side.record("list", owner, []);
      signal.throwIfAborted();
      side.throwFault("list", "before");
      return ours().map((instance) => instanceFrom(instance, clock.now()));
    },
    async terminate(providerIds, signal) {
      side.record("terminate", owner, providerIds);
      signal.throwIfAborted();
      side.throwFault("terminate", "before");
      const ending = ours().filter(({ providerId }) => providerIds.includes(providerId));
      for (const instance of ending) side.terminate(instance);
      const lastGoneAt = Math.max(...ending.map(({ goneAt }) => goneAt ?? 0));
      if (lastGoneAt > clock.now()) await clock.sleep(lastGoneAt - clock.now(), signal);
      side.throwFault("terminate", "after");
    },
    power: {
      async stop(providerIds, signal) {
        side.record("stop", owner, providerIds);
        signal.throwIfAborted();
        side.throwFault("stop", "before");
        for (const instance of ours()) if (providerIds.includes(instance.providerId)) side.stop(instance);
        side.throwFault("stop", "after");
      },
      async start({ providerId }, signal) {
        side.record("start", owner, [providerId]);
        signal.throwIfAborted();
        side.throwFault("start", "before");
        const instance = ours().find((one) => one.providerId === providerId);
        if (instance === undefined || instance.goneAt !== undefined)
          throw new NotFoundError("no-such-instance", `there is no instance ${providerId}`);
        if ((instance.stoppedAt ?? 0) > clock.now())
          throw new TransientError("still-stopping", `${providerId} is still being stopped`);
        side.start(instance);
        if (instance.runningAt > clock.now()) await clock.sleep(instance.runningAt - clock.now(), signal);
        side.throwFault("start", "after");
        return instanceFrom(instance, clock.now());
      },
    },
    watch({ onGone }) {
      const stop = provider.onEnd((instance, detail, isExpected) => {
        if (!isExpected && instance.owner === owner) onGone(instance.providerId, detail);
      });
      watches.add(stop);
      return () => {
        stop();
        watches.delete(stop);
      };
    },
    async close() {
      for (const stop of watches) stop();
      watches.clear();
    },
  };
}

/** What a driver tells of an instance at an instant. */
export function instanceFrom(instance: ProviderInstance, now: EpochMs): Instance {
  const { providerId, machineId, poolName, launchedAt, address } = instance;
  return { providerId, machineId, poolName, launchedAt, state: stateFrom(instance, now), address };
}

function stateFrom({ goneAt, hasStopped, stoppedAt, runningAt }: ProviderInstance, now: EpochMs): Instance["state"] {
  if (goneAt !== undefined) return "ending";
  if (hasStopped) return "stopped";
  if (stoppedAt !== undefined) return stoppedAt > now ? "stopping" : "stopped";
  return runningAt > now ? "pending" : "running";
}
