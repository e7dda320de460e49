import { CapacityError, NotFoundError, SystemError, TransientError } from "../../domain/errors.ts";
import type { MachineId } from "../../domain/ids.ts";
import type { Power } from "../../ports/driver.ts";
import { instanceFrom } from "../driver.ts";
import type { FaultKind } from "../faults/kinds.ts";
import { isRunning } from "../provider.ts";
import type { ProviderInstance } from "../provider.ts";
import { THROTTLED, untilAborted } from "./cloudCalls.ts";
import type { ListHistory } from "./listHistory.ts";
import type { World } from "./world.ts";

/** What all calls of the simulated provider share. */
interface CallParts {
  readonly pause: (signal: AbortSignal) => Promise<void>;
  readonly ours: () => readonly ProviderInstance[];
  readonly touch: (machineId: MachineId, kind: FaultKind) => void;
  readonly history: ListHistory;
}

/** The calls that stop machines and start them again. */
export function createPowerCalls(world: World, { pause, ours, touch, history }: CallParts): Power {
  const { clock, day, draw, faults, provider } = world;
  const side = provider.driverSide;
  return {
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
  };
}
