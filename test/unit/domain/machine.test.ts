import { expect, it } from "vitest";
import { leaseIdFrom } from "../../../src/domain/ids.ts";
import { canMove, TRANSITIONS } from "../../../src/domain/machine.ts";
import type { MachineState } from "../../../src/domain/machine.ts";
import { leasedFrom, terminatingFrom } from "../../../src/domain/moves.ts";
import { idleMachine } from "../../support/machines.ts";

const states = Object.keys(TRANSITIONS) as MachineState[];

it.each(states)("%s leads to terminated", (state) => {
  const reached = new Set<MachineState>([state]);
  for (const from of reached) for (const to of TRANSITIONS[from]) reached.add(to);

  expect(reached.has("terminated")).toBe(true);
});

it("leases a machine at most once: from leased there is no way back to idle", () => {
  const reached = new Set<MachineState>(TRANSITIONS.leased);
  for (const from of reached) for (const to of TRANSITIONS[from]) reached.add(to);

  expect([...reached]).toEqual(["terminating", "terminated"]);
});

it("lets every live state but terminating go to terminating", () => {
  const live = states.filter((state) => state !== "terminated" && state !== "terminating");

  expect(live.filter((state) => !canMove(state, "terminating"))).toEqual([]);
});

it("keeps the first cause of a termination", () => {
  const leased = leasedFrom(idleMachine(), leaseIdFrom("l-1"), 1);

  const first = terminatingFrom(leased, "job-finished", "done", 2);
  const second = terminatingFrom(first, "operator", "by hand", 3);

  expect(second).toMatchObject({ reason: "job-finished", leaseId: "l-1", terminatingSince: 2 });
});
