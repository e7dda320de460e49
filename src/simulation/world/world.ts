import type { Store } from "../../ports/store.ts";
import type { VirtualClock } from "../clock.ts";
import type { ActiveFaults } from "../faults/active.ts";
import type { Broadcast } from "../../pool/state/broadcast.ts";
import type { DesiredFleet, FleetDeps } from "../../pool/fleet.ts";
import type { SimulatedGuest } from "../guest.ts";
import type { SimulatedProvider } from "../provider.ts";
import type { Random } from "../../ports/random.ts";
import type { Day } from "./day.ts";
import type { Draw } from "../draw.ts";
import type { Happening } from "./happening.ts";
import type { Journal } from "./journal.ts";
import type { LiveJob } from "./job.ts";
import type { ManagerProcess, PortHook } from "./process.ts";
import type { SimulatedManager } from "./manager.ts";
import type { Truth } from "./truth.ts";

/** A broken promise. */
export interface Violation {
  readonly atMs: number;
  /** Name of the promise, e.g. `I3`. */
  readonly invariant: string;
  readonly text: string;
  /** The machine, lease or job concerned, where there is one. */
  readonly about: string;
}

/** Everything of one simulated day: what outlives the manager, and the manager of the moment. */
export interface World {
  readonly day: Day;
  readonly clock: VirtualClock;
  readonly random: Random;
  /** Draws for what the provider, the guests and the front doors leave open. */
  readonly draw: Draw;
  readonly journal: Journal;
  readonly truth: Truth;
  readonly faults: ActiveFaults;
  readonly store: Store;
  readonly provider: SimulatedProvider;
  readonly guest: SimulatedGuest;
  readonly jobs: LiveJob[];
  readonly violations: Violation[];
  readonly hook: PortHook;
  /** What a manager gets for its ports. */
  readonly portsOf: (ports: FleetDeps) => FleetDeps;
  /** Tells the checks; a promise that breaks is added to `violations`. */
  readonly tell: (happening: Happening) => void;
  /** Tells, under `manager`, of every manager that begins to serve. */
  readonly serving: Broadcast;
  /** What the operator wishes now. */
  desired: DesiredFleet;
  /** How far the host's clock is ahead of the true time. */
  jumpedMs: number;
  manager: SimulatedManager | undefined;
  process: ManagerProcess | undefined;
  /** Processes started so far. */
  processCount: number;
  /** An instance with our tag came from elsewhere: it counts against nothing. */
  hasStrays: boolean;
  /** The manager was told to stop for good. */
  isStopping: boolean;
}
