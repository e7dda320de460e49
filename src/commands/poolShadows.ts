import { writeFile } from "node:fs/promises";
import { ConfigError } from "../domain/errors.ts";
import type { EpochMs } from "../domain/ids.ts";
import type { PolicyFigures, PoolShadows, ShadowView } from "../ports/explain.ts";
import type { CommandContext } from "./context.ts";
import { printJson, printTable, writeAll } from "./output.ts";
import { levelsPicture, MAX_LINES } from "./plan/picture/levels.ts";
import { styleAt } from "./plan/picture/svg.ts";
import { shownDuration, shownInstant, shownUsd } from "./shown.ts";

/** Stretches, of an hour at most, that are listed. */
const SHOWN_PERIODS = 24;

/** Prints what shadows would have done beside what their pool did. @param out a file that their levels are drawn to */
export async function printPoolShadows(
  context: CommandContext,
  view: PoolShadows,
  out: string | undefined,
): Promise<void> {
  if (out !== undefined) await drawTo(context, view, out);
  if (context.isJson) return printJson(context, view);
  const { stdout, stderr } = context;
  if (view.pending !== undefined) await writeAll(stderr, `mayfly: ${view.pending}\n`);
  else if (view.shadows.length === 0)
    await writeAll(stderr, `mayfly: pool ${view.poolName} has no [[pool.shadow]] in its config\n`);
  for (const [n, shadow] of view.shadows.entries()) {
    if (n > 0) await writeAll(stdout, "\n");
    await printShadow(context, view, shadow);
  }
}

type Shown = PoolShadows["shadows"][number];

async function printShadow(context: CommandContext, view: PoolShadows, shadow: Shown): Promise<void> {
  const { name, policy, startedAt, problem, level, why, total, periods, aimMs } = shadow;
  const { stdout } = context;
  const hasStopped = shadow.stopped + total.acting.stoppedHours + total.shadow.stoppedHours > 0;
  const stopped = hasStopped ? `, ${shadow.stopped} stopped` : "";
  const now = `${level} wished for, ${shadow.idle} idle, ${shadow.booting} booting, ${shadow.leased} leased${stopped}, ${shadow.waiting} waiting`;
  await writeAll(stdout, `shadow ${name} (${policy}) since ${shownInstant(startedAt)}: ${problem ?? now}\n`);
  if (problem !== undefined)
    await writeAll(stdout, "it failed and is switched off; a restart of the manager begins it anew\n");
  if (why !== "") await writeAll(stdout, `${why}\n`);
  const head = [
    "policy",
    "jobs",
    "in time",
    "mean wait",
    "longest",
    "idle h",
    "booting h",
    "busy h",
    ...(hasStopped ? ["stopped h"] : []),
    "launches",
    "unused",
  ];
  const rows = [
    ["acting", ...cellsOf(total.acting, hasStopped), money(total.acting)],
    [name, ...cellsOf(total.shadow, hasStopped), money(total.shadow)],
  ];
  await printTable(context, [...head, "cost"], rows);
  await writeAll(stdout, `${verdict(shadow, view.policy)}\n`);
  if (periods.length < 2) return;
  await writeAll(stdout, "\n");
  await printTable(
    context,
    ["from", "level", "its pool's", "jobs", `within ${shownDuration(aimMs)}`, "its pool's", "cost", "its pool's"],
    periods
      .slice(-SHOWN_PERIODS)
      .map((period) => [
        shownInstant(period.from),
        spanOf(period.levels.map((change) => change.level)),
        spanOf(period.actingLevels.map((change) => change.level)),
        period.shadow.jobs,
        percent(period.shadow.shareInTime),
        percent(period.acting.shareInTime),
        money(period.shadow),
        money(period.acting),
      ]),
  );
}

const cellsOf = (figures: PolicyFigures, hasStopped: boolean): (string | number)[] => [
  ...[figures.jobs, percent(figures.shareInTime), shownDuration(figures.meanWaitMs)],
  ...[shownDuration(figures.longestWaitMs), hours(figures.idleHours), hours(figures.bootingHours)],
  ...[hours(figures.busyHours), ...(hasStopped ? [hours(figures.stoppedHours)] : [])],
  ...[figures.launches, figures.unused],
];

/** Says in a sentence what the shadow would have spared and cost. */
function verdict({ name, total }: Shown, policy: string): string {
  const { savedMs, addedMs, shadow, acting } = total;
  const waiting = `would have spared ${shownDuration(savedMs)} of waiting and added ${shownDuration(addedMs)}`;
  if (shadow.costUsd === undefined || acting.costUsd === undefined)
    return `${name} ${waiting}, against the acting ${policy} policy`;
  const more = shadow.costUsd - acting.costUsd;
  return `${name} ${waiting}, for ${shownUsd(Math.abs(more))} ${more < 0 ? "less" : "more"} than the acting ${policy} policy`;
}

const percent = (share: number): string => `${(Math.floor(share * 10_000 + 1e-6) / 100).toFixed(2)} %`;
const hours = (value: number): string => value.toFixed(2);
const money = ({ costUsd }: PolicyFigures): string | undefined =>
  costUsd === undefined ? undefined : shownUsd(costUsd);

function spanOf(levels: readonly number[]): string | undefined {
  if (levels.length === 0) return undefined;
  const [least, most] = [Math.min(...levels), Math.max(...levels)];
  return least === most ? String(least) : `${least}-${most}`;
}

/** Parts that the time of a picture is cut into. */
const PARTS = 336;

async function drawTo({ stderr }: CommandContext, view: PoolShadows, out: string): Promise<void> {
  const shadows = view.shadows.slice(0, MAX_LINES - 1);
  const from = Math.min(...shadows.flatMap(({ periods }) => periods.map((period) => period.from)));
  const to = Math.max(...shadows.flatMap(({ periods }) => periods.map((period) => period.to)));
  if (!(to > from))
    throw new ConfigError([{ place: "--out", message: "Expected shadows with some time behind them" }], "usage");
  const partMs = (to - from) / PARTS;
  const acting = shadows.toSorted((a, b) => a.startedAt - b.startedAt)[0];
  const series = [
    { name: "acting", changes: (acting?.periods ?? []).flatMap(({ actingLevels }) => actingLevels) },
    ...shadows.map(({ name, periods }) => ({ name, changes: periods.flatMap(({ levels }) => levels) })),
  ];
  const picture = levelsPicture({
    ...{ from, to, partMs },
    lines: series.map(({ name, changes }, n) => ({ name, levels: partsOf(changes, from, partMs), style: styleAt(n) })),
    label: `The levels of idle machines of pool ${view.poolName} and its shadows`,
    title: `Machines kept ready in pool ${view.poolName} and its shadows, from ${shownInstant(from)}`,
    note: "The highest level of each part of the time.",
  });
  try {
    await writeFile(out, picture);
  } catch (error) {
    throw new ConfigError(
      [{ place: "--out", message: `Expected a file that can be written: ${(error as Error).message}` }],
      "usage",
    );
  }
  await writeAll(stderr, `mayfly: wrote ${out}\n`);
}

/** The highest level of each part; before the first that is known, that one. */
function partsOf(changes: ShadowView["periods"][number]["levels"], from: EpochMs, partMs: number): number[] {
  const parts: number[] = [];
  let [next, level] = [0, changes[0]?.level ?? 0];
  for (let n = 0; n < PARTS; n += 1) {
    let highest = level;
    for (; (changes[next]?.at ?? Infinity) < from + (n + 1) * partMs; next += 1) {
      level = changes[next]?.level ?? level;
      highest = Math.max(highest, level);
    }
    parts.push(highest);
  }
  return parts;
}
