import { z } from "@hono/zod-openapi";
import type { ConfigChange, ConfigReload } from "../domain/configChange.ts";

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
