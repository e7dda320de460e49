import { demandIn } from "../../../planning/capacity/week.ts";
import type { Trial } from "../../../planning/capacity/trial.ts";
import type { Comparison, PlanRow } from "../compare.ts";
import { levelsPicture, MAX_LINES } from "./levels.ts";
import type { LevelLine } from "./levels.ts";
import { styleAt } from "./svg.ts";

/** Draws the levels of the policies that were asked for, or of the best ones, over what came within one boot, in the busiest week. */
export function weekPicture({ rows, week }: Comparison, trial: Trial): string {
  const { from, to, partMs } = week;
  const values = demandIn(week, trial.arrivals.readyAt, Math.max(1, trial.bootMs - trial.waitMs));
  return levelsPicture({
    ...{ from, to, partMs, demand: { name: "jobs within one boot", values }, lines: linesOf(rows) },
    label: "The level of idle machines over the demand of a week",
    title: `Machines kept ready, and jobs within one boot, from ${dayOf(from)} (UTC)`,
    note: "Where the grey stands above a line, jobs wait.",
  });
}

/** In the colours that they have in the other picture. */
function linesOf(rows: readonly PlanRow[]): LevelLine[] {
  const lines = rows.map(({ name, levels, setting }, n) => ({ name, levels, setting, style: styleAt(n) }));
  const asked = lines.filter(({ setting }) => setting === undefined);
  return (asked.length > 0 ? asked : lines).slice(0, MAX_LINES);
}

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);
