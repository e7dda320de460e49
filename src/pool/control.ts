import { NotFoundError } from "../domain/errors.ts";
import type { DesiredPool, PoolMode } from "../domain/pool.ts";
import { countByState } from "../planning/observed.ts";
import type { PoolView } from "../ports/manager.ts";
import { ALL_POOLS } from "../ports/store.ts";
import { desiredPool, eventOf, modeOf, nudge } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import type { CurrentWish } from "./wish.ts";
import { currentWish } from "./wish.ts";

/** Shows one pool. @throws NotFoundError when there is none of that name. */
export function viewPool(fleet: Fleet, name: string): PoolView {
  const desired = desiredPool(fleet, name);
  if (desired === undefined) throw new NotFoundError("unknown-pool", `there is no pool "${name}"`);
  const mode = modeOf(fleet, name);
  const wish = currentWish(fleet, desired);
  return {
    desired,
    wish: wish.why === "" ? undefined : wishView(wish),
    mode,
    steeredBy: steeredBy(fleet, mode),
    isCordoned: mode !== "open",
    machines: countByState(fleet.state.machines(name)),
    waitingLeases: fleet.state.waitingCount(name),
    why: fleet.state.notes(name).why,
    ...preloadView(fleet, desired),
  };
}

/** What idle machines lack and could not fetch. */
function preloadView(fleet: Fleet, { name, preload = [] }: DesiredPool): Pick<PoolView, "preloadProblems"> {
  const isLacked = (image: string): boolean =>
    fleet.state.machines(name).some(({ id, state }) => {
      const guest = state === "idle" ? fleet.guests.get(id) : undefined;
      return guest !== undefined && fleet.preloads.lacks(guest, image);
    });
  const problems = preload.flatMap((image) => {
    const problem = fleet.preloads.problem(name, image);
    return problem === undefined || !isLacked(image)
      ? []
      : [{ image, text: problem.text, since: problem.since, retryAt: problem.retryAt }];
  });
  return problems.length === 0 ? {} : { preloadProblems: problems };
}

function wishView({ desired, why, sectionIndex, changesAtWall }: CurrentWish): PoolView["wish"] {
  const { idleCount, stoppedCount, idleTimeMs } = desired;
  const changesAt = Number.isFinite(changesAtWall) ? changesAtWall : undefined;
  return { idleCount, stoppedCount, idleTimeMs, why, sectionIndex, changesAt };
}

function steeredBy(fleet: Fleet, mode: PoolMode): PoolView["steeredBy"] {
  if (mode === "open") return undefined;
  if (fleet.isClosing) return "stop";
  return fleet.state.mode(ALL_POOLS) === mode ? "all" : "pool";
}

/**
 * Cordons, drains or opens one pool, or with `ALL_POOLS` the whole manager; restarts remember it. Idempotent.
 * @throws NotFoundError when there is no pool of that name.
 */
export async function steerPool(fleet: Fleet, name: string, to: PoolMode): Promise<void> {
  if (name !== ALL_POOLS) viewPool(fleet, name);
  await fleet.decide(() =>
    fleet.state.commit([
      { kind: "pool-mode", poolName: name, mode: to },
      eventOf(fleet, { poolName: name, what: `pool ${to}`, detail: "by the operator" }),
    ]),
  );
  fleet.deps.logger.info({ poolName: name, to }, name === ALL_POOLS ? "steered all pools" : "steered pool");
  nudge(fleet);
}
