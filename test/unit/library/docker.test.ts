import { once } from "node:events";
import { connect as connectTo } from "node:net";
import { expect, it } from "vitest";
import { systemClock } from "../../../src/daemon/clock.ts";
import { leaseIdFrom, machineIdFrom } from "../../../src/domain/ids.ts";
import { holdLease } from "../../../src/library/heldLease.ts";
import { json, startFakeDocker } from "../../support/fakeDocker.ts";
import { serveManager } from "../../support/manager.ts";
import { endedLease, waitingLease } from "../../support/records.ts";

it("speaks with the engine of its machine through the daemon, whatever DOCKER_HOST says, until the release", async () => {
  const docker = await startFakeDocker();
  docker.on("GET /info", json({ ServerVersion: "26.1.5" }));
  await using served = await serveManager({
    async forwardEngine() {
      const engine = connectTo(docker.socketPath);
      await once(engine, "connect");
      return engine;
    },
    releaseLease: async (id) => ({ lease: endedLease(id) }),
  });
  const held = { machineId: machineIdFrom("m-1"), heldSince: 1, expiresAt: 2 };
  const lease = holdLease(
    { manager: served.client, clock: systemClock },
    { ...waitingLease(leaseIdFrom("l-1")), ...held, state: "held" },
  );
  process.env["DOCKER_HOST"] = "tcp://127.0.0.1:1";

  try {
    const client = lease.docker();

    expect(await client.info()).toEqual({ ServerVersion: "26.1.5" });
    await lease.release();
    await expect(client.info()).rejects.toThrow();
    expect(docker.requests.map(({ line }) => line)).toEqual(["GET /info"]);
  } finally {
    delete process.env["DOCKER_HOST"];
    await docker.stop();
  }
});
