import { expect, it } from "vitest";
import { machineIdFrom } from "../../../src/domain/ids.ts";
import type { MachineId } from "../../../src/domain/ids.ts";
import type { Machine } from "../../../src/domain/machine.ts";
import type { Instance } from "../../../src/ports/driver.ts";
import { tellApart } from "../../../src/pool/shared.ts";

const [A, B, C] = ["m-a", "m-b", "m-c"].map(machineIdFrom) as [MachineId, MachineId, MachineId];

const instance = (providerId: string, sharedBy: readonly MachineId[] = [A, B, C]): Instance => ({
  ...{ providerId, poolName: "small", launchedAt: 0, state: "running" },
  machineId: sharedBy[0] ?? machineIdFrom("m-alone"),
  ...(sharedBy.length > 0 && { sharedBy }),
});
const machine = (id: MachineId, state: Machine["state"], providerId?: string): Machine =>
  ({ id, state, ...(providerId !== undefined && { providerId }) }) as Partial<Machine> as Machine;

async function told(
  instances: readonly Instance[],
  records: readonly Machine[],
): Promise<(readonly [string, string])[]> {
  const byId = new Map(records.map((record) => [record.id, record]));
  const liveOf = (id: MachineId): Machine | undefined => {
    const found = byId.get(id);
    return found?.state === "terminated" ? undefined : found;
  };
  const answered = await tellApart(instances, liveOf, async (id) => byId.get(id));
  return answered.map(({ providerId, machineId }) => [providerId, machineId]);
}

it("takes each instance for the machine whose record has it, in whatever order and company it is shown", async () => {
  const records = [machine(A, "booting", "i-3"), machine(B, "leased", "i-1"), machine(C, "idle", "i-2")];

  expect(await told([instance("i-1"), instance("i-2"), instance("i-3")], records)).toEqual([
    ["i-1", B],
    ["i-2", C],
    ["i-3", A],
  ]);
  expect(await told([instance("i-2")], records)).toEqual([["i-2", C]]);
});

it("takes one that no record has for a machine that has none, first for one that still waits for it", async () => {
  const records = [machine(A, "terminating"), machine(B, "booting", "i-1"), machine(C, "requested")];

  expect(await told([instance("i-2"), instance("i-1"), instance("i-3")], records)).toEqual([
    ["i-2", C],
    ["i-1", B],
    ["i-3", A],
  ]);
});

it("never takes one that a machine had for that of another, however long that machine has ended", async () => {
  const records = [machine(A, "terminated", "i-1"), machine(B, "requested"), machine(C, "terminated")];

  expect(await told([instance("i-1"), instance("i-2")], records)).toEqual([
    ["i-1", A],
    ["i-2", B],
  ]);
});

it("leaves one too many to a machine whose record has another, and all that were launched alone as they are", async () => {
  const records = [machine(A, "idle", "i-1"), machine(B, "idle", "i-2")];
  const alone = instance("i-9", []);

  expect(await told([alone, instance("i-3", [A, B]), instance("i-2", [A, B])], records)).toEqual([
    ["i-9", "m-alone"],
    ["i-3", A],
    ["i-2", B],
  ]);
});
