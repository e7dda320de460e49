import { isAbsence } from "./absences.ts";
import type { Ec2Context, SiteContext } from "./context.ts";
import { idsFrom, siteOf } from "./context.ts";

/**
 * Hands instances to what joins such calls at their sites, and waits for all. A name that this driver never gave stands for nothing.
 * @throws the first failure once all have settled; the signal's reason at once.
 */
export async function eachInstance(
  context: Ec2Context,
  providerIds: readonly string[],
  signal: AbortSignal,
  add: (site: SiteContext, instanceId: string) => Promise<void>,
): Promise<void> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    const added = [...new Set(providerIds)].flatMap((providerId) => {
      const ids = idsFrom(providerId);
      return ids === undefined ? [] : addTo(sitesOf(context, ids), (site) => add(site, ids.instanceId));
    });
    const settled = await Promise.race([Promise.allSettled(added), aborted.promise]);
    const failed = settled.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  } finally {
    signal.removeEventListener("abort", abort);
    aborted.promise.catch(() => undefined);
  }
}

/** Where several accounts may have an instance, it is enough that one of them knows what becomes of it. */
async function addTo(sites: readonly SiteContext[], add: (site: SiteContext) => Promise<void>): Promise<void> {
  const settled = await Promise.allSettled(sites.map(add));
  const failures = settled.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
  const isKnown = failures.length < sites.length && failures.every(isAbsence);
  if (failures.length > 0 && !isKnown) throw failures.find((failure) => !isAbsence(failure)) ?? failures[0];
}

/**
 * The site that an instance is known to be at, so that another one of its region, whose credentials fail, is no hindrance; all
 * of the region when none knows it, and the default one when no pool is there any more.
 */
function sitesOf(context: Ec2Context, { region, instanceId }: NonNullable<ReturnType<typeof idsFrom>>): SiteContext[] {
  const sites = [...context.sites.values()].filter(({ site }) => site.region === region);
  const knowing = sites.find(({ ours }) => ours.has(instanceId));
  if (knowing !== undefined) return [knowing];
  return sites.length > 0 ? sites : [siteOf(context, { region })];
}
