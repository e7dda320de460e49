import type { SpotInstanceRequest } from "@aws-sdk/client-ec2";
import type { EpochMs } from "../../domain/ids.ts";
import type { DriverWatcher } from "../../ports/driver.ts";
import type { Ec2Context, SiteContext } from "./context.ts";
import { providerIdFrom } from "./context.ts";

/** EC2 advises machines to look every 5 s; of the two minutes that a job still has, these few seconds are the last to matter. */
const INTERVAL_MS = 10_000;
/** From the notice to the end. Source: EC2 user guide, "Spot Instance interruption notices". */
const NOTICE_MS = 120_000;

/**
 * Tells of spot instances that are about to be taken back, while there are any, until it is stopped or the driver is closed.
 * EC2 marks their requests when it gives the notice: so nothing has to run on the machine, whose metadata service may be closed.
 */
export function watchInterruptions(context: Ec2Context, watcher: DriverWatcher): () => void {
  const { clock, logger } = context.deps;
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, context.closing.signal]);
  const told = new Map<string, number>();
  const watch = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(INTERVAL_MS, signal);
      for (const site of context.sites.values()) {
        if (!site.breaker.isWatching()) continue;
        try {
          await tell(context, site, watcher, told, signal);
        } catch (err) {
          signal.throwIfAborted();
          logger.warn({ region: site.site.region, err }, "could not look for interruptions of spot machines");
        }
      }
    }
  };
  watch().catch((err: unknown) => {
    if (!signal.aborted) logger.error({ err }, "watching for interruptions of spot machines ended");
  });
  return () => stop.abort(new Error("the watcher has stopped"));
}

async function tell(
  { deps }: Ec2Context,
  site: SiteContext,
  watcher: DriverWatcher,
  told: Map<string, number>,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = deps;
  for (const request of await markedRequests(site, signal)) {
    const { InstanceId = "", Status } = request;
    if (!site.ours.has(InstanceId) || told.has(InstanceId)) continue;
    told.set(InstanceId, clock.monotonic());
    site.breaker.noteInterruption(InstanceId);
    const takenAt = takenAtFrom(Status?.UpdateTime, clock.now());
    watcher.onInterruption?.(providerIdFrom(site.site, InstanceId), "EC2 takes the spot instance back", takenAt);
  }
  for (const [id, at] of told) if (clock.monotonic() - at > 10 * NOTICE_MS) told.delete(id);
}

/** EC2's clock is another one than this host's: a notice of the future, or of an instance that ought to be gone, is of just now. */
function takenAtFrom(givenAt: Date | undefined, now: EpochMs): EpochMs {
  const ageMs = now - (givenAt?.getTime() ?? now);
  return now + NOTICE_MS - (ageMs >= 0 && ageMs < NOTICE_MS ? ageMs : 0);
}

/** The requests themselves bear no tag of ours: others' are left out by their instances. */
async function markedRequests({ call }: SiteContext, signal: AbortSignal): Promise<SpotInstanceRequest[]> {
  const Filters = [{ Name: "status-code", Values: ["marked-for-termination"] }];
  const marked: SpotInstanceRequest[] = [];
  let NextToken: string | undefined;
  do {
    const page = await call(
      "DescribeSpotInstanceRequests",
      { Filters, MaxResults: 1000, ...(NextToken === undefined ? {} : { NextToken }) },
      signal,
    );
    marked.push(...(page.SpotInstanceRequests ?? []));
    NextToken = page.NextToken || undefined;
  } while (NextToken !== undefined);
  return marked;
}
