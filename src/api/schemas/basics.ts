import { z } from "@hono/zod-openapi";
import type { JobId, LeaseId, MachineId } from "../../domain/ids.ts";

/** A string that carries a brand of the domain. */
const branded = <Id extends string>() => z.custom<Id>((value) => typeof value === "string").openapi({ type: "string" });

export const machineIdSchema = branded<MachineId>();
export const leaseIdSchema = branded<LeaseId>();
export const jobIdSchema = branded<JobId>();
/** Epoch milliseconds. */
export const instant = z.number();
/** How long something took, in milliseconds. */
export const span = z.number();
export const text = z.string();
