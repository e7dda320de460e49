import { expect, it } from "vitest";
import { ConflictError, MachineLostError, SystemError } from "../../../src/domain/errors.ts";
import { machineIdFrom } from "../../../src/domain/ids.ts";
import type { LeaseIn } from "../../../src/domain/lease.ts";
import { keepRenewed } from "../../../src/library/keepRenewed.ts";
import { createVirtualClock } from "../../../src/simulation/clock.ts";
import { fakeManager } from "../../support/manager.ts";
import { waitingLease } from "../../support/records.ts";

const { expiresAt, ...base } = waitingLease("l-1");
const lease: LeaseIn<"held"> = { ...base, state: "held", machineId: machineIdFrom("m-1"), heldSince: 0, expiresAt };
const never = new AbortController().signal;
const away = new SystemError("manager-away", "nobody there");

/** Keeps a lease of 60 s for some virtual time; answers when it was renewed, and what that came to. */
async function keep(answer: (call: number) => Error | undefined, forMs: number) {
  const clock = createVirtualClock(0);
  const renewals: number[] = [];
  const manager = fakeManager({
    async renewLease() {
      const error = answer(renewals.push(clock.monotonic()));
      if (error !== undefined) throw error;
      return { lease };
    },
  });
  let end: unknown;
  void keepRenewed({ manager, clock }, lease, never).then((why) => {
    end = why;
  });
  await clock.advance(forMs);
  return { renewals, end };
}

it("renews three times in each time to live", async () => {
  expect(await keep(() => undefined, 100_000)).toEqual({
    renewals: [20_000, 40_000, 60_000, 80_000, 100_000],
    end: undefined,
  });
});

it("goes on when two renewals in a row have failed", async () => {
  const { renewals, end } = await keep((call) => (call === 2 || call === 3 ? away : undefined), 140_000);

  expect([renewals.length, end]).toEqual([7, undefined]);
});

it("ends, with what was said, a whole time to live after the last that went well", async () => {
  const { renewals, end } = await keep((call) => (call > 1 ? away : undefined), 200_000);

  expect([renewals, end]).toEqual([[20_000, 40_000, 60_000, 80_000], away]);
});

it.each([new ConflictError("lease-ended", "lapsed"), new MachineLostError("machine-lost", "gone")])(
  "ends at once when the manager says that the lease has: $code",
  async (error) => {
    const { renewals, end } = await keep(() => error, 200_000);

    expect([renewals, end]).toEqual([[20_000], error]);
  },
);
