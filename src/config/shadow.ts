import * as z from "zod";
import type { DesiredPool, ShadowWish } from "../domain/pool.ts";
import { duration, integer } from "./fields.ts";
import { MAX_MACHINES } from "./limits.ts";
import { idleWishFrom, scaleFields, sectionSchema } from "./schedule.ts";
import { budgetPerDay, targetFrom, targetSchema } from "./target.ts";

/** Shadows of one pool: each is planned at every pass. */
export const MAX_SHADOWS = 8;

/**
 * `[[pool.shadow]]`: a policy in the words of a pool's own. Of its limits and idle_time, what it leaves open is as the pool has it;
 * the rules that bind several values are in rules.ts. @param name the schema of a pool's name
 */
export const shadowSchemaFor = (name: z.ZodString) =>
  z.strictObject(
    {
      name,
      idle_count: integer(0, MAX_MACHINES).optional(),
      ...scaleFields,
      stopped_count: integer(0, MAX_MACHINES).optional(),
      idle_time: duration(0).optional(),
      max_machines: integer(1, MAX_MACHINES).optional(),
      max_growth_rate: integer(1, MAX_MACHINES).optional(),
      schedule: z.array(sectionSchema, { error: "an array of tables, each under [[pool.shadow.schedule]]" }).optional(),
      target: targetSchema.optional(),
      budget_per_day: budgetPerDay().optional(),
    },
    { error: "a table" },
  );

/** Reads one `[[pool.shadow]]` of a pool. */
export function shadowFrom(
  fields: z.output<ReturnType<typeof shadowSchemaFor>>,
  pool: Pick<DesiredPool, "maxMachines" | "maxGrowthRate" | "idleTimeMs">,
): ShadowWish {
  return {
    name: fields.name,
    ...idleWishFrom(fields),
    // The rules demand it where no target chooses it.
    idleCount: fields.idle_count ?? 0,
    idleTimeMs: fields.idle_time ?? pool.idleTimeMs,
    maxMachines: fields.max_machines ?? pool.maxMachines,
    maxGrowthRate: fields.max_growth_rate ?? pool.maxGrowthRate,
    schedule: scheduleFieldsFrom(fields.schedule),
    target: targetFrom(fields.target),
    budgetUsdPerDay: fields.budget_per_day,
  };
}

/** Reads the sections of a schedule. */
export const scheduleFieldsFrom = (
  sections: readonly z.output<typeof sectionSchema>[] | undefined,
): DesiredPool["schedule"] =>
  sections?.map((section) => ({
    ...idleWishFrom(section),
    periods: section.periods,
    timezone: section.timezone,
  }));
