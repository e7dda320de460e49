import { expect, it } from "vitest";
import { leaseIdFrom } from "../../../src/domain/ids.ts";
import type { LeaseIn } from "../../../src/domain/lease.ts";
import { assignLeases } from "../../../src/planning/assign.ts";
import { idleMachine, leasedMachine } from "../../support/machines.ts";

const waiting = (id: string, createdAt: number, priority = 0): LeaseIn<"waiting"> => ({
  id: leaseIdFrom(id),
  poolName: "small",
  holder: "test",
  priority,
  createdAt,
  ttlMs: 60_000,
  waitDeadlineAt: createdAt + 1,
  state: "waiting",
  expiresAt: createdAt + 60_000,
});

it("serves the queue in order of arrival, the longest idle machine first", () => {
  const young = idleMachine({ idleMs: 1 });
  const old = idleMachine({ idleMs: 9 });

  const pairs = assignLeases([waiting("b", 2), waiting("a", 1), waiting("c", 3)], [young, leasedMachine(), old]);

  expect(pairs.map(({ lease, machine }) => [lease.id, machine.id])).toEqual([
    ["a", old.id],
    ["b", young.id],
  ]);
});

it("lets a higher priority pass", () => {
  const pairs = assignLeases([waiting("a", 1), waiting("b", 2, 5)], [idleMachine()]);

  expect(pairs.map(({ lease }) => lease.id)).toEqual(["b"]);
});

it("gives no cordoned machine away", () => {
  expect(assignLeases([waiting("a", 1)], [idleMachine({ isCordoned: true })])).toEqual([]);
});
