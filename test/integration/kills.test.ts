import { chmod, mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApiClient } from "../../src/api/client.ts";
import type { Machine } from "../../src/domain/machine.ts";
import { findProcesses } from "../../src/drivers/qemu/processes.ts";
import type { Manager } from "../../src/ports/manager.ts";
import { runCli } from "../support/cli.ts";
import { startDaemonProcess } from "../support/daemon.ts";
import type { DaemonProcess } from "../support/daemon.ts";
import { makeRealState } from "../support/realState.ts";
import type { RealState } from "../support/realState.ts";
import { until } from "../support/until.ts";

// One daemon after the other on one state directory, each killed in another state of its machines. Idle and leased ones: cli.test.ts.

const MINUTE_MS = 60_000;
/** What users are promised between the death of a machine and the end of the job on it. */
const LOST_WITHIN_MS = 5_000;
const POOLS = `
[[pool]]
name = "small"
max_machines = 2
idle_count = 1
[pool.qemu]
memory = "1GiB"
`;

let state: RealState;
let config: string;
let client: Manager;
let daemon: DaemonProcess;
const daemons: DaemonProcess[] = [];

const start = (env?: Readonly<Record<string, string>>): void => {
  daemon = startDaemonProcess(config, env);
  daemons.push(daemon);
};
const machineIn = (...wanted: readonly Machine["state"][]): Promise<Machine> =>
  until(`a machine is ${wanted.join(" or ")}`, 5 * MINUTE_MS, async () =>
    (await client.machines(false).catch(() => [])).find((machine) => wanted.includes(machine.state)),
  );
/** The machines that a daemon met when it started, with the states they were in. */
const foundBy = (one: DaemonProcess): Promise<string[]> =>
  until("the daemon has met what was left", MINUTE_MS, async () => {
    if (!one.log.some(({ msg }) => msg === "manager is ready")) return undefined;
    const found = one.log.filter(({ msg }) => msg === "found machine of an earlier run");
    return found.map((line) => `${String(line["machineId"])} ${String(line["state"])}`);
  });

describe("kill -9 of the daemon", () => {
  beforeAll(async () => {
    state = await makeRealState();
    config = await state.writeConfig(POOLS);
    client = createApiClient(join(state.stateDir, "mayfly.sock"));
  });
  afterAll(async () => {
    for (const one of daemons) await one.stop("SIGKILL");
    await state?.remove();
  });

  it("while a machine is requested: the launch goes on, and no second machine comes of it", async () => {
    start({ PATH: await slowQemu() });
    const requested = await machineIn("requested");

    await daemon.stop("SIGKILL");
    start();
    const found = await foundBy(daemon);

    expect(found).toEqual([`${requested.id} requested`]);
    await machineIn("booting");
    await until("there is one process a machine", MINUTE_MS, async () => {
      const [pids, machines] = [await state.pids(), await client.machines(false)];
      return pids.length === 1 && machines.length === 1;
    });
  });

  it("while a machine boots: the boot goes on in the same process", async () => {
    const booting = await machineIn("booting");
    const pids = await state.pids();

    await daemon.stop("SIGKILL");
    start();
    const found = await foundBy(daemon);
    const idle = await machineIn("idle");

    expect(found).toEqual([`${booting.id} booting`]);
    expect(idle.id).toBe(booting.id);
    expect(await state.pids()).toEqual(expect.arrayContaining([...pids]));
  });

  it("is followed, when the QEMU of a leased machine dies, by a run that ends as machine lost within five seconds", async () => {
    let killedAt = 0;

    const outcome = await runCli(["run", "-c", config, "--json", "--", "sh", "-c", "echo begun; sleep 600"], {
      onStart: (child) =>
        child.stderr?.on("data", (bytes: Buffer) => {
          if (killedAt > 0 || !bytes.includes("begun")) return;
          killedAt = performance.now();
          void killLeased();
        }),
    });
    const endedAfterMs = performance.now() - killedAt;

    expect(outcome).toMatchObject({
      exitCode: 3,
      stderr: expect.stringMatching(/machine-lost: machine .* was lost: .*safe to retry/),
    });
    expect(JSON.parse(outcome.stdout)).toMatchObject({ result: "machine-lost" });
    expect(endedAfterMs).toBeLessThan(LOST_WITHIN_MS);
  });

  it("while a machine is terminated: the next daemon finishes that", async () => {
    const caught = await until("a termination was cut short", 5 * MINUTE_MS, async () => {
      const machine = await machineIn("idle", "booting");
      await client.terminateMachine(machine.id);
      await daemon.stop("SIGKILL");
      start();
      return (await foundBy(daemon)).includes(`${machine.id} terminating`) && machine;
    });

    const ended = await until("it is terminated", MINUTE_MS, async () => {
      const machine = await client.machine(caught.id);
      return machine.state === "terminated" && machine;
    });

    expect(ended).toMatchObject({ reason: "operator" });
    expect([...(await findProcesses(state.instancesDir)).keys()].join()).not.toContain(
      "providerId" in caught ? caught.providerId : "no provider",
    );
  });

  it("leaves nothing once the last daemon was told to stop", async () => {
    const exitCode = await daemon.stop("SIGTERM");

    expect(exitCode).toBe(0);
    expect(await state.leftovers()).toEqual([]);
  });
});

async function killLeased(): Promise<void> {
  const leased = await machineIn("leased");
  const folder = join(state.instancesDir, "providerId" in leased ? (leased.providerId ?? "") : "");
  const found = (await findProcesses(state.instancesDir)).get(folder);
  if (found === undefined) throw new Error(`${leased.id} has no process`);
  process.kill(found.pid, "SIGKILL");
}

/** A PATH on which QEMU starts so late that its daemon is dead by then. */
async function slowQemu(): Promise<string> {
  const [bin, path] = [join(state.stateDir, "bin"), process.env["PATH"] ?? ""];
  const name = "qemu-system-x86_64";
  await mkdir(bin);
  await writeFile(join(bin, name), `#!/bin/sh\nsleep 2\nPATH='${path}' exec ${name} "$@"\n`);
  await chmod(join(bin, name), 0o755);
  return [bin, path].join(delimiter);
}
