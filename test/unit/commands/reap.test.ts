import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { machineIdFrom } from "../../../src/domain/ids.ts";
import { providerIdFrom, writeRecord } from "../../../src/drivers/qemu/folder.ts";
import type { InstanceView } from "../../../src/ports/manager.ts";
import { openStore } from "../../../src/store/open.ts";
import { runCli } from "../../support/cli.ts";
import { silentLogger } from "../../support/jobs.ts";
import { serveManager } from "../../support/manager.ts";

const stranger: InstanceView = {
  ...{ driver: "qemu", providerId: "i-1", machineId: machineIdFrom("m-1"), poolName: "small", launchedAt: 1_000 },
  ...{ state: "running", verdict: "stranger", what: "no record knows it" },
};
const ours: InstanceView = {
  ...stranger,
  providerId: "i-2",
  machineId: machineIdFrom("m-2"),
  verdict: "ours",
  what: "idle",
};

describe("machine reap, with a daemon", () => {
  it.each([[[]], [["--dry-run"]]])("%j shows what is there, ends nothing, and says what would", async (options) => {
    await using served = await serveManager({
      health: async () => ({}) as never,
      auditInstances: async () => [ours, stranger],
    });

    const { exitCode, stdout, stderr } = await runCli(["machine", "reap", ...options, "--socket", served.socketPath]);

    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: "mayfly: nothing was ended; `mayfly machine reap --yes` ends 1 stranger\n",
    });
    expect(stdout).toMatch(/^i-2 +qemu +m-2 +small +1970-01-01T00:00:01Z +running +ours +idle +-$/m);
    expect(stdout).toMatch(/^i-1 +qemu +m-1 +small +1970-01-01T00:00:01Z +running +stranger +no record knows it +-$/m);
  });

  it.each([
    ["ended", 0],
    ["not ended: throttled", 3],
  ])("--yes has the strangers ended; %s ends with %i", async (outcome, exitCode) => {
    const views = [ours, { ...stranger, outcome }];
    await using served = await serveManager({ health: async () => ({}) as never, reapStrangers: async () => views });

    const result = await runCli(["machine", "reap", "--yes", "--json", "--socket", served.socketPath]);

    expect(result).toEqual({ exitCode, stdout: `${JSON.stringify(views)}\n`, stderr: "" });
  });

  it("cannot be dry and meant at once", async () => {
    const outcome = await runCli(["machine", "reap", "--yes", "--dry-run"]);

    expect(outcome).toMatchObject({
      exitCode: 2,
      stderr: "mayfly: machine reap: Expected --dry-run or --yes, got both\n",
    });
  });
});

describe("machine reap, without a daemon", () => {
  let folder: string;
  let config: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "mayfly-reap-"));
    config = join(folder, "mayfly.toml");
    await writeFile(config, `name = "ci-1"\nstate_dir = "${folder}/state"\n`);
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("finds and ends what is left in the state directory, and nothing of another owner", async () => {
    const root = join(folder, "state", "qemu");
    for (const [owner, machineId] of [
      ["ci-1", "m-1"],
      ["somebody else", "m-2"],
    ] as const) {
      const providerId = providerIdFrom(owner, `t-${machineId}`);
      await writeRecord(join(root, providerId), {
        ...{ providerId, owner, token: `t-${machineId}`, machineId: machineIdFrom(machineId), poolName: "default" },
        ...{ address: { host: "127.1.1.1", port: 22 }, launchedAt: 1_000, memoryMiB: 512, imageDigest: "d" },
        origin: "booted",
      });
    }

    const dry = await runCli(["machine", "reap", "--json", "-c", config]);
    const meant = await runCli(["machine", "reap", "--yes", "--json", "-c", config]);
    const again = await runCli(["machine", "reap", "--yes", "--json", "-c", config]);

    const found = { machineId: "m-1", verdict: "stranger", state: "stopped", what: "no record knows it" };
    expect(dry.stderr).toContain("ends 1 stranger");
    expect(JSON.parse(dry.stdout)).toMatchObject([found]);
    expect(meant).toMatchObject({ exitCode: 0, stderr: "" });
    expect(JSON.parse(meant.stdout)).toMatchObject([{ ...found, outcome: "ended" }]);
    expect(again).toEqual({ exitCode: 0, stdout: "[]\n", stderr: "" });
  });

  it("leaves a state directory alone that a manager holds, whether or not it answers", async () => {
    const store = await openStore(join(folder, "state"), { clock, logger: silentLogger });

    const outcome = await runCli(["machine", "reap", "--yes", "-c", config]);
    await store.close();

    expect(outcome.exitCode).toBe(3);
    expect(outcome.stderr).toMatch(/^mayfly: State directory .* is in use by process \d+: .*\n$/);
  });
});

const clock = { now: () => 10_000, monotonic: () => 0, sleep: () => Promise.resolve() };
