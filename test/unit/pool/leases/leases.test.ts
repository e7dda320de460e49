import { expect, it } from "vitest";
import { ConflictError } from "../../../../src/domain/errors.ts";
import { pool } from "../../../support/pools.ts";
import { startWorld } from "../../../support/world.ts";

const key = "key-0123456789ab";
const request = { poolName: "small", holder: "test", ttlMs: 60_000 };

it("answers the lease of the first time when a request comes again under its key, also after a restart and after its end", async () => {
  const world = await startWorld({ pools: [pool({ name: "small", idleCount: 0 })] });

  const [first, meanwhile] = await Promise.all([
    world.leases.request(request, key),
    world.leases.request(request, key),
  ]);
  await world.restart();
  const later = await world.leases.request({ ...request }, key);
  await world.leases.release(first.id, "released", "done");
  const ended = await world.leases.request(request, key);

  expect([meanwhile.id, later.id, ended.id]).toEqual([first.id, first.id, first.id]);
  expect(ended.state).toBe("ended");
  expect(await world.store.recentLeases(10)).toHaveLength(1);
});

it("refuses another request under a key, and takes the same one under another", async () => {
  const world = await startWorld({ pools: [pool({ name: "small", idleCount: 0 })] });
  const { id } = await world.leases.request(request, key);

  await expect(world.leases.request({ ...request, holder: "other" }, key)).rejects.toThrow(ConflictError);
  expect((await world.leases.request(request, `${key}x`)).id).not.toBe(id);
});
