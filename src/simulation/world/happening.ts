import type { LeaseId, MachineId } from "../../domain/ids.ts";
import type { DriverVerb, ProviderInstance } from "../provider.ts";
import type { DesiredFleet } from "../../pool/fleet.ts";
import type { Change } from "../../ports/store.ts";
import type { LiveJob } from "./job.ts";

/** What checks are told: everything that can make a promise true or false. */
export type Happening =
  /** Before its effect. `machineIds` are those that the call is about. */
  | {
      readonly what: "called";
      readonly verb: DriverVerb;
      readonly machineIds: readonly MachineId[];
      readonly token: string;
    }
  | { readonly what: "launched"; readonly instance: ProviderInstance }
  /** It was stopped, and runs again at another address. */
  | { readonly what: "started"; readonly instance: ProviderInstance }
  /** The provider takes an instance away because the manager asked. */
  | { readonly what: "ended-by-us"; readonly instance: ProviderInstance }
  /** Before the change shows in the truth. `desired` is what was wished for when it was decided. */
  | { readonly what: "commits"; readonly changes: readonly Change[]; readonly desired: DesiredFleet }
  | { readonly what: "work-began"; readonly job: LiveJob; readonly machineId: MachineId; readonly leaseId: LeaseId }
  | { readonly what: "job-ended"; readonly job: LiveJob }
  /** One request to EC2, with the pool that it wants a spot machine for, if it does. */
  | { readonly what: "ec2-called"; readonly action: string; readonly spotPool?: string }
  /** A fleet came back empty from a market. */
  | { readonly what: "ec2-had-no-room"; readonly market: "spot" | "on-demand" }
  /** The process was told which instances the spot market took back lately, and has taken back since when. */
  | { readonly what: "ec2-told-interruptions"; readonly sinceMs: ReadonlyMap<string, number> }
  /** A machine asks the registry for an image; `signal` calls it off. Then it has it, could not get it, or was called off. */
  | {
      readonly what: "fetch-began";
      readonly machineId: MachineId;
      readonly image: string;
      readonly signal: AbortSignal;
    }
  | { readonly what: "fetch-ended"; readonly machineId: MachineId; readonly signal: AbortSignal }
  | { readonly what: "error-logged"; readonly text: string }
  /** A minute has passed. */
  | { readonly what: "minute" };

/** Looks at what happens, and answers with a sentence when it breaks a promise. */
export type Check = (happening: Happening) => string | undefined;
