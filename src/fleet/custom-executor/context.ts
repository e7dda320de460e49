import type { Clock } from "../../ports/clock.ts";
import type { Manager } from "../../ports/manager.ts";

/** What every stage reaches the world through. */
export interface StageContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** One that waits for a manager which goes away. */
  readonly manager: Manager;
  readonly clock: Clock;
  /** The job's log, twice: what scripts say, and what is said about them. Resolving is the back-pressure. */
  readonly say: (bytes: Uint8Array) => Promise<void>;
  readonly tell: (bytes: Uint8Array) => Promise<void>;
  /** The runner wants the stage to end. */
  readonly cancel: AbortSignal;
  /** The runner is gone: nobody will ask for a further stage. */
  readonly orphaned: AbortSignal;
}

/** Says a line of mayfly's own. */
export const tellLine = ({ tell }: Pick<StageContext, "tell">, text: string): Promise<void> =>
  tell(Buffer.from(`mayfly: ${text}\n`));
