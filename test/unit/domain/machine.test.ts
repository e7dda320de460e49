import { expect, it } from "vitest";
import { leaseIdFrom } from "../../../src/domain/ids.ts";
import { canMove, TRANSITIONS } from "../../../src/domain/machine.ts";
import type { MachineState } from "../../../src/domain/machine.ts";
import {
  idleFrom,
  leasedFrom,
  startingFrom,
  stoppedFrom,
  stoppingFrom,
  terminatingFrom,
} from "../../../src/domain/moves.ts";
import { idleMachine, NOW, stoppedMachine, stoppingMachine } from "../../support/machines.ts";

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

it("keeps of a stop and a start no more than what is true after them", () => {
  const idle = { ...idleMachine(), hostKey: "ssh-ed25519 A", recipe: "r" };
  const { address: _address, readyAt: _readyAt, idleSince: _idleSince, ...lasting } = idle;

  const stopping = stoppingFrom(idle, 1, 0.1);
  const stopped = stoppedFrom(stopping, 2, 0.2);
  const starting = startingFrom(stopped, 3, 0.3);
  const again = idleFrom(starting, { host: "127.2.2.2", port: 22 }, 4);

  expect(stopping).toEqual({ ...lasting, state: "stopping", stoppingSince: 1, spentUsd: 0.1 });
  expect(stopped).toEqual({ ...lasting, state: "stopped", stoppedSince: 2, spentUsd: 0.2 });
  expect(starting).toEqual({ ...lasting, state: "starting", startingSince: 3, startedAt: 3, spentUsd: 0.3 });
  expect(again).toEqual({
    ...lasting,
    ...{ state: "idle", address: { host: "127.2.2.2", port: 22 }, readyAt: 4, idleSince: 4 },
    ...{ startedAt: 3, spentUsd: 0.3, runningSince: undefined },
  });
});

it("remembers of a machine that ends out of a stop since when it did not run", () => {
  const stopping = terminatingFrom(stoppingMachine({ stoppingMs: 5 }), "operator", "by hand", NOW);
  const stopped = terminatingFrom(stoppedMachine({ stoppedMs: 7 }), "operator", "by hand", NOW);

  expect([stopping, stopped]).toMatchObject([{ stoppedSince: NOW - 5 }, { stoppedSince: NOW - 7 }]);
});

it("remembers of a machine that ends when it was ready", () => {
  const idle = idleMachine({ ageMs: 5 });

  expect(terminatingFrom(idle, "operator", "by hand", NOW).readyAt).toBe(idle.readyAt);
  expect(terminatingFrom(stoppedMachine(), "operator", "by hand", NOW).readyAt).toBeUndefined();
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
