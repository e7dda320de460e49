import type { MachineId } from "../../domain/ids.ts";
import type { Ec2Action } from "../../drivers/ec2/client.ts";
import type { FaultKind } from "../faults/kinds.ts";
import type { World } from "../world/world.ts";
import { cutOff, timedOut } from "./refusals.ts";

/** The way from a manager to the account and back. */
export interface Road {
  /**
   * Brings a request to `serve`, whatever becomes of who sent it, and the answer back. @throws what `serve` throws; what the SDK
   * throws for an answer that is lost; the signal's reason.
   */
  travel<T>(action: Ec2Action, machines: readonly MachineId[], signal: AbortSignal, serve: () => T): Promise<T>;
}

/** As the driver's own client has it: a request without an answer is given up after this. */
const TIMEOUT_MS = 20_000;

/** What loses requests and answers of single actions. */
const LOST_REQUESTS: Partial<Record<Ec2Action, FaultKind>> = {
  DescribeInstances: "list-hangs",
  TerminateInstances: "terminate-lost",
};
const LOST_ANSWERS: Partial<Record<Ec2Action, FaultKind>> = {
  CreateFleet: "launch-answer-lost",
  TerminateInstances: "terminate-answer-lost",
};

/** Creates the way of a world. */
export function createRoad({ clock, day, draw, faults }: World, touch: (id: MachineId, kind: FaultKind) => void): Road {
  const callMs = (): number => draw.between(...day.provider.callMs);

  /** Has the effect come about after a time, whether or not anybody waits for it. */
  const arrive = <T>(ms: number, serve: () => T): Promise<T> => {
    const arrived = Promise.withResolvers<T>();
    arrived.promise.catch(() => undefined);
    clock.schedule(ms, () => {
      try {
        arrived.resolve(serve());
      } catch (error) {
        arrived.reject(error);
      }
    });
    return arrived.promise;
  };
  const giveUp = async (signal: AbortSignal): Promise<never> => {
    await clock.sleep(TIMEOUT_MS, signal);
    throw timedOut();
  };

  return {
    async travel(action, machines, signal, serve) {
      signal.throwIfAborted();
      const strike = (kind: FaultKind | undefined) => {
        const struck = kind === undefined ? undefined : faults.strikes(kind);
        if (struck !== undefined && kind !== undefined) for (const id of machines) touch(id, kind);
        return struck;
      };
      if (strike(LOST_REQUESTS[action])) await giveUp(signal);
      const cut = strike("answers-cut");
      if (cut?.draw.chance(0.5)) {
        await clock.sleep(callMs(), signal);
        throw cutOff();
      }
      const late = action === "CreateFleet" ? strike("launch-effect-late") : undefined;
      const arriving = arrive(late === undefined ? callMs() : 5_000 + late.draw.between(0, 235_000), serve);
      if (late !== undefined || strike(LOST_ANSWERS[action])) await giveUp(signal);
      const answer = await arriving;
      signal.throwIfAborted();
      if (cut !== undefined || (action === "CreateFleet" && strike("launch-answer-cut"))) throw cutOff();
      const slow = action === "CreateFleet" ? strike("launch-answer-late") : undefined;
      const backMs = slow === undefined ? callMs() : slow.draw.between(10_000, 2 * TIMEOUT_MS);
      if (backMs > TIMEOUT_MS) await giveUp(signal);
      await clock.sleep(backMs, signal);
      return answer;
    },
  };
}
