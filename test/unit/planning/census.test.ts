import fc from "fast-check";
import { expect, it } from "vitest";
import type { LiveMachine } from "../../../src/domain/machine.ts";
import { carryCensus, censusOf } from "../../../src/planning/census.ts";
import { carryOverdue, firstOverdueAt } from "../../../src/planning/retire.ts";
import {
  bootingMachine,
  idleMachine,
  leasedMachine,
  startingMachine,
  stoppedMachine,
  stoppingMachine,
} from "../../support/machines.ts";
import { pool } from "../../support/pools.ts";

const MAKERS: readonly ((ageMs: number) => LiveMachine)[] = [
  (ageMs) => bootingMachine({ ageMs }),
  (ageMs) => idleMachine({ ageMs: 50, idleMs: ageMs }),
  (ageMs) => leasedMachine({ ageMs: 50, leasedMs: ageMs }),
  (ageMs) => startingMachine({ ageMs: 50, startingMs: ageMs }),
  (ageMs) => stoppedMachine({ ageMs }),
  (ageMs) => stoppingMachine({ ageMs: 50, stoppingMs: ageMs }),
];
const anyMachine = fc
  .record({
    ...{ make: fc.constantFrom(...MAKERS), ageMs: fc.nat(40) },
    isCordoned: fc.boolean(),
    shapeDigest: fc.constantFrom("a", "b", undefined),
  })
  .map(({ make, ageMs, ...facts }): LiveMachine => ({ ...make(ageMs), ...facts }));
const anySteps = fc.array(
  fc.record({ what: fc.constantFrom("add", "remove", "replace"), place: fc.nat(30), machine: anyMachine }),
  { maxLength: 40 },
);
const wish = pool({ bootTimeoutMs: 7, maxAgeMs: 12, jobTimeoutMs: 3 });

it("knows of a list that differs by one machine what looking through it would tell", () => {
  fc.assert(
    fc.property(fc.array(anyMachine, { maxLength: 20 }), anySteps, (first, steps) => {
      let machines: readonly LiveMachine[] = first;
      for (const { what, place, machine } of steps) {
        const before = machines;
        const at = before.length === 0 ? -1 : place % before.length;
        const gone = what === "add" ? undefined : before[at];
        if (gone === undefined && what !== "add") continue;
        const come = what === "remove" ? undefined : machine;
        if (gone === undefined) machines = [...before, machine];
        else machines = come === undefined ? before.toSpliced(at, 1) : before.with(at, come);
        censusOf(before);
        firstOverdueAt(wish, before, 0);

        carryCensus(before, machines, gone, come);
        carryOverdue(before, machines, gone, come);

        expect(censusOf(machines)).toEqual(censusOf([...machines]));
        expect(firstOverdueAt(wish, machines, 0)).toBe(firstOverdueAt(wish, [...machines], 0));
      }
    }),
  );
});
