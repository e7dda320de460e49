import { ConflictError } from "../../src/domain/errors.ts";
import { leaseIdFrom } from "../../src/domain/ids.ts";
import type { Lease, LeaseOutcome } from "../../src/domain/lease.ts";
import type { HeldMachine, LeaseRequest, Leases } from "../../src/ports/leases.ts";

/** Leases whose machine comes and goes when the test says so. */
export interface FakeLeases extends Leases {
  readonly requests: LeaseRequest[];
  readonly releases: { readonly outcome: LeaseOutcome; readonly detail: string }[];
  renewals: number;
  /** Tells whether somebody waits for a machine. */
  isAwaited(): boolean;
  /** Says why every waiting lease waits. */
  wait(why: string): void;
  /** Gives every waiting lease, and every later one, this machine. */
  grant(machine: HeldMachine): void;
  /** Fails every waiting lease. */
  fail(error: Error): void;
  /** Lets the machines of released leases be gone. They are, from the start. */
  readonly gone: { promise: Promise<void> };
}

/** Creates leases with one time to live. */
export function createFakeLeases(ttlMs = 60_000): FakeLeases {
  const granted = Promise.withResolvers<HeldMachine>();
  granted.promise.catch(() => undefined);
  const waiting = new Set<(why: string) => void>();
  let count = 0;
  const lease = (): Lease => ({
    id: leaseIdFrom(`lease-${count}`),
    poolName: "small",
    holder: "test",
    priority: 0,
    createdAt: 0,
    ttlMs,
    waitDeadlineAt: 3_600_000,
    state: "waiting",
    expiresAt: ttlMs,
  });
  const fake: FakeLeases = {
    requests: [],
    releases: [],
    renewals: 0,
    gone: { promise: Promise.resolve() },
    isAwaited: () => waiting.size > 0,
    wait: (why) => {
      for (const tell of waiting) {
        tell(why);
      }
    },
    grant: granted.resolve,
    fail: granted.reject,
    async request(request) {
      fake.requests.push(request);
      count += 1;
      return lease();
    },
    waitUntilHeld(_id, onWait, signal) {
      waiting.add(onWait);
      return new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        granted.promise.then(resolve, reject);
      });
    },
    async renew() {
      fake.renewals += 1;
      if (fake.releases.length > 0) {
        throw new ConflictError("lease-ended", "the lease has ended");
      }
      return lease();
    },
    async release(_id, outcome, detail) {
      fake.releases.push({ outcome, detail });
    },
    waitUntilGone: () => fake.gone.promise,
  };
  return fake;
}
