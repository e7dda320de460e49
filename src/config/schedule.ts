import * as z from "zod";
import { duration, factor, integer, periods, timezone } from "./fields.ts";
import { MAX_MACHINES } from "./limits.ts";

/** What both a pool and a section of its schedule may say about the machines that are kept ready. */
export const scaleFields = {
  idle_scale_factor: factor().optional(),
  idle_count_min: integer(0, MAX_MACHINES).optional(),
  idle_count_max: integer(0, MAX_MACHINES).optional(),
};

/** `[[pool.schedule]]`: what it leaves open is as the pool itself has it; the rules that bind several values are in scheduleRules.ts. */
export const sectionSchema = z.strictObject(
  {
    periods: periods(),
    timezone: timezone().prefault("UTC"),
    idle_count: integer(0, MAX_MACHINES).optional(),
    ...scaleFields,
    stopped_count: integer(0, MAX_MACHINES).optional(),
    idle_time: duration(0).optional(),
  },
  { error: "a table" },
);

type Section = z.output<typeof sectionSchema>;
type IdleFields = { readonly [Key in keyof Omit<Section, "periods" | "timezone">]?: Section[Key] | undefined };

/** Reads what is said about the machines that are kept ready. */
export const idleWishFrom = (fields: IdleFields) => ({
  idleCount: fields.idle_count,
  idleScaleFactor: fields.idle_scale_factor,
  idleCountMin: fields.idle_count_min,
  idleCountMax: fields.idle_count_max,
  stoppedCount: fields.stopped_count,
  idleTimeMs: fields.idle_time,
});
