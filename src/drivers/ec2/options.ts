import type { Ec2Shape } from "../../domain/shape.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { Random } from "../../ports/random.ts";
import type { Ec2Client } from "./client.ts";

/** Where machines are: one region, reached with one set of credentials. */
export interface Ec2Site {
  readonly region: string;
  readonly profile?: string | undefined;
  readonly endpoint?: string | undefined;
}

export interface Ec2Options {
  /** Tag on all that this driver launches; instances of other owners are never seen. */
  readonly owner: string;
  /** The sites of all pools: those whose instances are listed. */
  readonly sites: readonly Ec2Site[];
  /** What machines of all pools are made of: launch templates of other shapes are left over. @default nobody knows, and none is */
  readonly shapes?: readonly Ec2Shape[] | undefined;
}

export interface Ec2Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How a site is reached. @default the AWS SDK */
  readonly connect?: ((site: Ec2Site) => Ec2Client) | undefined;
}

/** How long a launch waits for the address of its instance; after it the pool's own looks find it. */
export const ADDRESS_DEADLINE_MS = 15_000;
/** For so long after its launch an instance may be unknown to calls that name it. Source: EC2's "Eventual consistency". */
export const YOUNG_MS = 120_000;
