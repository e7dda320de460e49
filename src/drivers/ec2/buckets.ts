import type { Clock } from "../../ports/clock.ts";
import type { Ec2Action } from "./client.ts";

/** Admits calls of one action at the rate that the account takes. */
export interface Bucket {
  /** Resolves when the next call may go out, in the order of asking. @throws the signal's reason. */
  take(signal: AbortSignal): Promise<void>;
  /** The account's own bucket is empty, whoever emptied it: starts anew from nothing. */
  drain(): void;
}

/** What an account has per region: `burst` at once, `perSecond` coming back. Source: EC2 developer guide, "Request throttling". */
const OTHER_MUTATING = { burst: 50, perSecond: 5 };
const DESCRIBE = { burst: 100, perSecond: 20 };
const ACCOUNT_LIMITS: Readonly<Record<Ec2Action, { readonly burst: number; readonly perSecond: number }>> = {
  CreateFleet: OTHER_MUTATING,
  CreateLaunchTemplate: OTHER_MUTATING,
  CancelSpotInstanceRequests: OTHER_MUTATING,
  CreateImage: OTHER_MUTATING,
  DeleteLaunchTemplate: OTHER_MUTATING,
  DeleteNetworkInterface: OTHER_MUTATING,
  DeleteSnapshot: OTHER_MUTATING,
  DeleteVolume: OTHER_MUTATING,
  DeregisterImage: OTHER_MUTATING,
  StartInstances: { burst: 5, perSecond: 2 },
  StopInstances: OTHER_MUTATING,
  TerminateInstances: { burst: 100, perSecond: 5 },
  DescribeImages: DESCRIBE,
  DescribeInstances: DESCRIBE,
  DescribeLaunchTemplates: DESCRIBE,
  DescribeNetworkInterfaces: DESCRIBE,
  DescribeSnapshots: DESCRIBE,
  DescribeSpotInstanceRequests: DESCRIBE,
  DescribeSpotPriceHistory: DESCRIBE,
  DescribeSecurityGroups: DESCRIBE,
  DescribeSubnets: DESCRIBE,
  DescribeVolumes: DESCRIBE,
  GetConsoleOutput: DESCRIBE,
};
/** The share of it that is ours: the bucket is the account's, and other tools draw from it too. */
const OUR_SHARE = 0.8;

/** Creates a bucket for each action. */
export function createBuckets(clock: Clock): (action: Ec2Action) => Bucket {
  const buckets = new Map<Ec2Action, Bucket>();
  return (action) => {
    const known = buckets.get(action);
    if (known !== undefined) return known;
    const { burst, perSecond } = ACCOUNT_LIMITS[action];
    const bucket = createBucket(burst * OUR_SHARE, perSecond * OUR_SHARE, clock);
    buckets.set(action, bucket);
    return bucket;
  };
}

/** Creates a full token bucket. */
function createBucket(burst: number, perSecond: number, clock: Clock): Bucket {
  let tokens = burst;
  let countedAt = clock.monotonic();
  const count = (): void => {
    const now = clock.monotonic();
    tokens = Math.min(burst, tokens + ((now - countedAt) / 1000) * perSecond);
    countedAt = now;
  };
  return {
    async take(signal) {
      signal.throwIfAborted();
      count();
      tokens -= 1;
      if (tokens >= 0) return;
      try {
        await clock.sleep(Math.ceil((-tokens / perSecond) * 1000), signal);
      } catch (error) {
        tokens += 1;
        throw error;
      }
    },
    drain() {
      count();
      tokens = Math.min(tokens, 0);
    },
  };
}
