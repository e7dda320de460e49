import { z } from "@hono/zod-openapi";
import type { Lease, WaitCause } from "../../domain/lease.ts";
import type { LeaseView } from "../../ports/manager.ts";
import { instant, jobIdSchema, leaseIdSchema, machineIdSchema, span, text } from "./basics.ts";

const WAIT_CAUSES = [
  "no-idle-machine",
  "boot",
  "growth-limit",
  "max-machines",
  "max-machines-overall",
  "no-capacity",
  "budget",
  "store",
  "pool-closed",
  "earlier",
] as const satisfies readonly WaitCause[];
export const waitedMsSchema = z.partialRecord(z.enum(WAIT_CAUSES), span);

const leaseBase = z.object({
  id: leaseIdSchema,
  poolName: text,
  holder: text,
  priority: z.number(),
  jobId: jobIdSchema.optional(),
  createdAt: instant,
  ttlMs: span,
  waitDeadlineAt: instant,
  requestDigest: text.optional(),
  waitedMs: waitedMsSchema.optional(),
});

const lease = z
  .discriminatedUnion("state", [
    leaseBase.extend({ state: z.literal("waiting"), expiresAt: instant }),
    leaseBase.extend({
      state: z.literal("held"),
      machineId: machineIdSchema,
      heldSince: instant,
      expiresAt: instant,
    }),
    leaseBase.extend({
      state: z.literal("ended"),
      machineId: machineIdSchema.optional(),
      heldSince: instant.optional(),
      endedAt: instant,
      outcome: z.enum(["released", "lapsed", "cancelled", "wait-timeout", "machine-lost", "pool-removed", "shutdown"]),
    }),
  ])
  .openapi("Lease") satisfies z.ZodType<Lease>;

export const leaseViewSchema = z
  .object({ lease, why: text.optional() })
  .openapi("LeaseView") satisfies z.ZodType<LeaseView>;
