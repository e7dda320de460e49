import type { PoolView } from "../ports/manager.ts";
import type { CommandContext } from "./context.ts";
import { printFields, printJson, printTable } from "./output.ts";

/** Prints pools as a table. */
export async function printPools(context: CommandContext, pools: readonly PoolView[]): Promise<void> {
  if (context.isJson) return printJson(context, pools);
  await printTable(
    context,
    ["pool", "driver", "max", "booting", "idle", "stopped", "leased", "ending", "waiting", "mode", "why"],
    pools.map(({ desired, wish, machines, waitingLeases, why, ...view }) => [
      desired.name,
      desired.shape.driver,
      desired.maxMachines,
      machines.requested + machines.booting + machines.starting,
      `${machines.idle}/${(wish ?? desired).idleCount}`,
      shownStopped(wish ?? desired, machines),
      machines.leased,
      machines.terminating,
      waitingLeases,
      shownMode(view),
      why,
    ]),
  );
}

/** Prints one pool. */
export async function printPool(context: CommandContext, view: PoolView): Promise<void> {
  if (context.isJson) return printJson(context, view);
  const { shownDuration, shownInstant } = await import("./shown.ts");
  const { desired, machines, waitingLeases, why } = view;
  const wish = { ...desired, ...view.wish };
  await printFields(context, {
    pool: desired.name,
    why,
    mode: shownMode(view),
    machines: Object.entries(machines)
      .filter(([, count]) => count > 0)
      .map(([state, count]) => `${count} ${state}`)
      .join(", "),
    "waiting leases": waitingLeases,
    "max machines": desired.maxMachines,
    "idle count": wish.idleCount,
    "stopped count": wish.stoppedCount,
    "idle time": shownDuration(wish.idleTimeMs),
    "holds now": view.wish?.why,
    "max growth rate": desired.maxGrowthRate,
    "max age": shownDuration(desired.maxAgeMs),
    "boot timeout": shownDuration(desired.bootTimeoutMs),
    "job timeout": shownDuration(desired.jobTimeoutMs),
    "orphan timeout": shownDuration(desired.orphanTimeoutMs),
    docker: desired.guest.docker,
    "registry mirror": desired.guest.registryMirror,
    preload: desired.preload?.join(", "),
    "preload problem": view.preloadProblems
      ?.map(({ image, text, retryAt }) => `${image}: ${text}; tried again at ${shownInstant(retryAt)}`)
      .join("; "),
    shape: Object.entries(desired.shape)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key} ${typeof value === "object" ? JSON.stringify(value) : value}`)
      .join(", "),
  });
}

/** Nothing for a pool that neither has stopped machines nor wishes for any. */
function shownStopped(
  { stoppedCount = 0 }: Pick<PoolView["desired"], "stoppedCount">,
  machines: PoolView["machines"],
): string | undefined {
  const stopped = machines.stopped + machines.stopping;
  return stoppedCount + stopped === 0 ? undefined : `${machines.stopped}/${stoppedCount}`;
}

/** A pool's mode, and who made it so when that was not its own steering. */
function shownMode({ mode, steeredBy }: Pick<PoolView, "mode" | "steeredBy">): string {
  if (steeredBy === "all") return `${mode} (all pools)`;
  return steeredBy === "stop" ? `${mode} (the manager is stopping)` : mode;
}
