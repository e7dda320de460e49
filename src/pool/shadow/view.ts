import type { EpochMs } from "../../domain/ids.ts";
import { countByState, countInFlight } from "../../planning/observed.ts";
import { isWaiting } from "../../planning/shadow/book.ts";
import type { ShadowInput } from "../../planning/shadow/book.ts";
import { sumCompared, sumTallies } from "../../planning/shadow/tally.ts";
import type { MachinePrice } from "../../domain/cost.ts";
import type { Compared, Tally } from "../../planning/shadow/tally.ts";
import type {
  PolicyFigures,
  PoolShadows,
  ShadowComparison,
  ShadowPeriodView,
  ShadowView,
} from "../../ports/explain.ts";
import { KEPT_SHADOW_PERIODS } from "../../ports/store.ts";
import { viewPool } from "../control.ts";
import type { Fleet } from "../fleet.ts";
import { policyOf } from "../target/view.ts";
import { periodFrom } from "./record.ts";
import type { LevelChange, OpenPeriod, Shadow } from "./shadow.ts";

const HOUR_MS = 3_600_000;

/** Shows the shadows of a pool. @throws NotFoundError when there is no pool of that name. */
export async function viewShadows(fleet: Fleet, poolName: string): Promise<PoolShadows> {
  const { desired, wish } = viewPool(fleet, poolName);
  const shadows = [...(fleet.shadows.byPool.get(poolName)?.values() ?? [])];
  const isPending = shadows.length < (desired.shadows ?? []).length;
  return {
    ...{ poolName, policy: policyOf(desired), level: wish?.idleCount ?? desired.idleCount },
    shadows: await Promise.all(shadows.map((shadow) => viewShadow(fleet, shadow))),
    pending: isPending ? "they begin once a boot of this pool was measured" : undefined,
  };
}

async function viewShadow(fleet: Fleet, shadow: Shadow): Promise<PoolShadows["shadows"][number]> {
  const { book, period, acting, wish, problem, startedAt, why } = shadow;
  const { machines, world } = book;
  const counts = countByState(machines);
  const now = { tally: book.tally, compared: book.compared };
  return {
    ...{ name: wish.name, policy: policyOf(wish), startedAt, level: book.level.idleCount, why },
    problem: problem === "" ? undefined : problem,
    ...{ idle: counts.idle, booting: countInFlight(machines), leased: counts.leased, stopped: counts.stopped },
    ...{ waiting: book.jobs.filter(isWaiting).length, aimMs: period.setting.aimMs },
    total: totalOf(shadow),
    periods: [
      ...(await pastPeriods(fleet, shadow, world.price)),
      periodView(period, now, acting.tally, book.at, world.price),
    ],
  };
}

/** All that a shadow has come to since it began, beside its pool. */
export function totalOf({ book, acting, totals, startedAt }: Shadow): ShadowView["total"] {
  const shadow = sumTallies(totals.shadow, book.tally);
  const real = sumTallies(totals.acting, acting.tally);
  return comparison(startedAt, book.at, shadow, real, sumCompared(totals.compared, book.compared), book.world.price);
}

async function pastPeriods(
  { deps, shadows }: Fleet,
  { poolName, wish, startedAt }: Shadow,
  price: MachinePrice | undefined,
): Promise<ShadowPeriodView[]> {
  const stored = await deps.store.shadowPeriods(poolName, wish.name, KEPT_SHADOW_PERIODS);
  const unwritten = shadows.unrecorded.filter((one) => one.poolName === poolName && one.shadowName === wish.name);
  return [...stored.toReversed(), ...unwritten].flatMap(({ record }) => {
    const period = periodFrom(record);
    if (period === undefined || period.start.at < startedAt) return [];
    return [periodView(period, period.result, period.acting, period.to, price)];
  });
}

function periodView(
  { start, inputs, actingLevels }: OpenPeriod,
  { tally, compared }: { readonly tally: Tally; readonly compared: Compared },
  acting: Tally,
  to: EpochMs,
  price: MachinePrice | undefined,
): ShadowPeriodView {
  const changes: LevelChange[] = [[start.at, start.level.idleCount], ...inputs.flatMap(levelIn)];
  return {
    ...comparison(start.at, to, tally, acting, compared, price),
    levels: changes.filter(([at], n) => changes[n + 1]?.[0] !== at).map(shownLevel),
    actingLevels: actingLevels.map(shownLevel),
  };
}

const levelIn = (input: ShadowInput): LevelChange[] =>
  input.kind === "level" ? [[input.at, input.level.idleCount]] : [];
const shownLevel = ([at, level]: LevelChange) => ({ at, level });

function comparison(
  from: EpochMs,
  to: EpochMs,
  shadow: Tally,
  acting: Tally,
  { savedMs, addedMs }: Compared,
  price: MachinePrice | undefined,
): ShadowComparison {
  return { from, to, shadow: figures(shadow, price), acting: figures(acting, price), savedMs, addedMs };
}

function figures(tally: Tally, price: MachinePrice | undefined): PolicyFigures {
  const { jobs, served, waitMs, inTime, longestWaitMs, launches, unused } = tally;
  const [idleHours, bootingHours, busyHours, stoppedHours] = [
    ...[tally.idleMs / HOUR_MS, tally.bootingMs / HOUR_MS],
    ...[tally.busyMs / HOUR_MS, tally.stoppedMs / HOUR_MS],
  ] as [number, number, number, number];
  return {
    ...{ jobs, served, longestWaitMs, idleHours, bootingHours, busyHours, stoppedHours, launches, unused },
    shareInTime: served === 0 ? 1 : inTime / served,
    meanWaitMs: served === 0 ? 0 : waitMs / served,
    costUsd: price && (idleHours + bootingHours + busyHours) * price.usdPerHour + stoppedHours * diskOf(price),
  };
}

const diskOf = ({ diskUsdPerHour = 0 }: MachinePrice): number => diskUsdPerHour;
