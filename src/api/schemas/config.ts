import { z } from "@hono/zod-openapi";
import type { ConfigChange, ConfigReload } from "../../domain/configChange.ts";
import type { ConfigDiff } from "../../ports/manager.ts";

const text = z.string();

const configChangeSchema = z
  .discriminatedUnion("what", [
    z.object({ what: z.enum(["pool-added", "pool-removed"]), poolName: text }),
    z.object({
      what: z.literal("value-changed"),
      poolName: text.optional(),
      key: text,
      from: text.optional(),
      to: text.optional(),
    }),
  ])
  .openapi("ConfigChange") satisfies z.ZodType<ConfigChange>;

export const configReloadSchema = z
  .object({ path: text, changes: z.array(configChangeSchema).readonly() })
  .openapi("ConfigReload") satisfies z.ZodType<ConfigReload>;

export const configTextSchema = z.object({
  text: text.openapi({ description: "What the file holds" }),
  fileName: text.openapi({ description: "How messages name it" }),
});

export const configDiffSchema = z
  .object({
    changes: z.array(configChangeSchema).readonly(),
    needsRestart: z.array(text).readonly(),
    pools: z
      .array(
        z.object({
          poolName: text,
          launched: z.number(),
          retired: z.number(),
          finishing: z.number(),
          idleUsdPerDayBefore: z.number().optional(),
          idleUsdPerDayAfter: z.number().optional(),
          levelBefore: z.number().optional(),
          levelAfter: z.number().optional(),
          budget: text.optional(),
        }),
      )
      .readonly(),
    overall: z.object({ machines: z.number(), before: z.number(), after: z.number() }).optional(),
  })
  .openapi("ConfigDiff") satisfies z.ZodType<ConfigDiff>;
