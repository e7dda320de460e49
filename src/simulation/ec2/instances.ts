import type { EpochMs } from "../../domain/ids.ts";
import type { PaidMarket } from "../../drivers/ec2/offerings.ts";
import type { ProviderInstance } from "../provider.ts";
import type { World } from "../world/world.ts";
import { instanceIdOf, SUBNETS, zoneOf } from "./site.ts";

/** Where an instance is, and how it is paid. */
export interface Place {
  readonly type: string;
  readonly subnet: string;
  readonly market: PaidMarket;
}

/** What the account knows of an instance beside what any provider does. */
export interface Ec2Record extends Place {
  readonly id: string;
  readonly zone: string;
  readonly instance: ProviderInstance;
  /** Describes show it, and calls know it, from here on. */
  readonly shownAt: EpochMs;
  stoppedAt?: EpochMs;
  endedAt?: EpochMs;
  /** When its end was announced. */
  markedAt?: EpochMs;
  /** When the market began to take it back, in milliseconds since the day's start. */
  lostAtMs?: number;
  reason?: { readonly Code: string; readonly Message: string };
}

export type Ec2State = "pending" | "running" | "stopped" | "shutting-down" | "terminated";

/** EC2 shows what is gone for about an hour. */
const SHOWN_DEAD_MS = 3_600_000;
/** Where an instance is that somebody else launched under our tag. */
const ELSEWHERE: Place = { type: "t3.micro", subnet: SUBNETS[0], market: "on-demand" };

/** The instances of an account, those among them that are gone but still shown. */
export interface Instances {
  /** Oldest first. */
  all(): readonly Ec2Record[];
  get(instanceId: string): Ec2Record | undefined;
  of(instance: ProviderInstance): Ec2Record;
  add(instance: ProviderInstance, place: Place, shownAt: EpochMs): Ec2Record;
  /** Ends an instance for somebody, `delayMs` from now. */
  end(record: Ec2Record, delayMs: number): void;
}

/** Keeps the instances of a world's provider as EC2 does. */
export function createInstances({ clock, provider }: World): Instances {
  const byId = new Map<string, Ec2Record>();

  const add = (instance: ProviderInstance, place: Place, shownAt: EpochMs): Ec2Record => {
    const id = instanceIdOf(instance.providerId);
    const record = { ...place, id, zone: zoneOf(place.subnet) ?? "", instance, shownAt };
    byId.set(id, record);
    return record;
  };
  const of = (instance: ProviderInstance): Ec2Record =>
    byId.get(instanceIdOf(instance.providerId)) ?? add(instance, ELSEWHERE, instance.launchedAt);
  const refresh = (): void => {
    for (const instance of provider.instances()) of(instance);
    for (const [id, { instance }] of byId)
      if (instance.goneAt !== undefined && instance.goneAt < clock.now() - SHOWN_DEAD_MS) byId.delete(id);
  };
  provider.onEnd((instance, detail, isExpected) => {
    const record = of(instance);
    if (isExpected) return;
    if (instance.hasStopped) record.stoppedAt = clock.now();
    else record.endedAt = clock.now();
    record.lostAtMs ??= clock.monotonic();
    const Code = record.market === "spot" ? "Server.SpotInstanceTermination" : "Server.InternalError";
    record.reason = { Code, Message: `${Code}: ${detail}` };
  });

  return {
    all() {
      refresh();
      return [...byId.values()];
    },
    get(instanceId) {
      refresh();
      return byId.get(instanceId);
    },
    of,
    add,
    end(record, delayMs) {
      record.endedAt = clock.now();
      record.reason = { Code: "Client.UserInitiatedShutdown", Message: "Client.UserInitiatedShutdown: by user" };
      provider.driverSide.terminate(record.instance, delayMs);
    },
  };
}

/** How an instance stood at an instant; undefined when nothing showed it then. */
export function stateAt(record: Ec2Record, at: EpochMs): Ec2State | undefined {
  const { instance, shownAt, stoppedAt = Infinity } = record;
  if (at < shownAt) return undefined;
  const goneAt = instance.goneAt ?? Infinity;
  if (goneAt <= at) return "terminated";
  if ((record.endedAt ?? goneAt) <= at) return "shutting-down";
  if (stoppedAt <= at) return "stopped";
  return instance.runningAt <= at ? "running" : "pending";
}
