import { z } from "@hono/zod-openapi";
import { instant, text } from "./basics.ts";

// What the health of a manager and the view of a pool both say of a pool.

export const mode = z.enum(["open", "cordoned", "draining"]);
export const steeredBy = z.enum(["pool", "all", "stop"]).optional();

export const preloadProblems = z
  .array(z.object({ image: text, text, since: instant, retryAt: instant }))
  .readonly()
  .optional();
