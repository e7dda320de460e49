import type { Filter, Instance as Ec2Instance } from "@aws-sdk/client-ec2";
import type { Clock } from "../../ports/clock.ts";
import type { CallEc2 } from "./calls.ts";
import { OWNER_TAG } from "./tags.ts";

/** A filter takes so many values. Source: EC2 API reference, DescribeInstances. */
const FILTER_VALUES = 200;
const PAGE_SIZE = 1000;

/** Everything that EC2 shows of our owner's instances and that passes the filters, page by page. */
export const describeOurs = (
  call: CallEc2,
  owner: string,
  filters: readonly Filter[],
  signal: AbortSignal,
): Promise<Ec2Instance[]> => describeAll(call, [{ Name: `tag:${OWNER_TAG}`, Values: [owner] }, ...filters], signal);

async function describeAll(call: CallEc2, Filters: Filter[], signal: AbortSignal): Promise<Ec2Instance[]> {
  const found: Ec2Instance[] = [];
  let NextToken: string | undefined;
  do {
    const page = await call(
      "DescribeInstances",
      { Filters, MaxResults: PAGE_SIZE, ...(NextToken === undefined ? {} : { NextToken }) },
      signal,
    );
    found.push(...(page.Reservations ?? []).flatMap(({ Instances }) => Instances ?? []));
    NextToken = page.NextToken || undefined;
  } while (NextToken !== undefined);
  return found;
}

/**
 * Those of some instances that are our owner's, or anybody's without an owner, and that EC2 knows by now. A filter, unlike a
 * list of ids, forgives what it does not.
 */
export async function describeIds(
  call: CallEc2,
  owner: string | undefined,
  instanceIds: readonly string[],
  signal: AbortSignal,
): Promise<Ec2Instance[]> {
  const found: Ec2Instance[] = [];
  for (let first = 0; first < instanceIds.length; first += FILTER_VALUES) {
    const Values = instanceIds.slice(first, first + FILTER_VALUES);
    const filter = { Name: "instance-id", Values };
    found.push(
      ...(owner === undefined
        ? await describeAll(call, [filter], signal)
        : await describeOurs(call, owner, [filter], signal)),
    );
  }
  return found;
}

/** Looks at instances for all that wait for one, in one call. */
export interface Describer {
  /** Resolves with the instance once EC2 shows it in the way that is asked for. @throws the signal's reason. */
  until(instanceId: string, isSeen: (instance: Ec2Instance) => boolean, signal: AbortSignal): Promise<Ec2Instance>;
}

export interface DescriberDeps {
  readonly owner: string;
  readonly call: CallEc2;
  readonly clock: Clock;
  readonly closing: AbortSignal;
}

/** The first look comes soon, since EC2 gives addresses at the launch; later ones come further apart. In milliseconds. */
const FIRST_PAUSE_MS = 150;
const PAUSE_GROWTH = 1.6;
const PAUSE_MAX_MS = 5_000;
/** Looks come no closer than this, whoever waits: launches that come one by one share them. */
const INTERVAL_MS = 1_500;

interface Waiting {
  readonly instanceId: string;
  readonly isSeen: (instance: Ec2Instance) => boolean;
  readonly seen: PromiseWithResolvers<Ec2Instance>;
  dueAt: number;
  pauseMs: number;
}

/** Creates a describer at rest. */
export function createDescriber({ owner, call, clock, closing }: DescriberDeps): Describer {
  const waiting = new Set<Waiting>();
  let isLooking = false;
  let lastAt = -Infinity;

  const look = async (): Promise<void> => {
    while (waiting.size > 0) {
      const dueAt = Math.max(lastAt + INTERVAL_MS, Math.min(...[...waiting].map((one) => one.dueAt)));
      await clock.sleep(Math.max(0, dueAt - clock.monotonic()), closing);
      lastAt = clock.monotonic();
      const asked = [...waiting];
      const found = await describeIds(call, owner, [...new Set(asked.map((one) => one.instanceId))], closing);
      const byId = new Map(found.map((instance) => [instance.InstanceId, instance]));
      for (const one of asked) {
        const instance = byId.get(one.instanceId);
        if (instance !== undefined && one.isSeen(instance)) {
          one.seen.resolve(instance);
          waiting.delete(one);
        }
        one.pauseMs = Math.min(PAUSE_MAX_MS, one.pauseMs * PAUSE_GROWTH);
        one.dueAt = clock.monotonic() + one.pauseMs;
      }
    }
  };
  const start = (): void => {
    if (isLooking) return;
    isLooking = true;
    look()
      .catch((error: unknown) => {
        for (const one of waiting) one.seen.reject(error);
        waiting.clear();
      })
      .finally(() => {
        isLooking = false;
        if (waiting.size > 0) start();
      });
  };

  return {
    async until(instanceId, isSeen, signal) {
      signal.throwIfAborted();
      const seen = Promise.withResolvers<Ec2Instance>();
      const one = { instanceId, isSeen, seen, pauseMs: FIRST_PAUSE_MS, dueAt: clock.monotonic() + FIRST_PAUSE_MS };
      const abort = (): void => seen.reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      waiting.add(one);
      start();
      try {
        return await seen.promise;
      } finally {
        waiting.delete(one);
        signal.removeEventListener("abort", abort);
      }
    },
  };
}
