import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createApiClient } from "../../src/api/client.ts";
import type { JobId } from "../../src/domain/ids.ts";
import type { Machine } from "../../src/domain/machine.ts";
import type { Manager } from "../../src/ports/manager.ts";
import { CLI, runCli } from "../support/cli.ts";
import { makeRealState } from "../support/realState.ts";
import type { RealState } from "../support/realState.ts";
import { until } from "../support/until.ts";

const MINUTE_MS = 60_000;
const POOL = (idleCount: number) => `
[[pool]]
name = "small"
max_machines = 2
idle_count = ${idleCount}
[pool.qemu]
memory = "1GiB"
`;

let state: RealState;
const daemons: ChildProcess[] = [];

beforeEach(async () => {
  state = await makeRealState();
});
afterEach(async () => {
  for (const daemon of daemons.splice(0)) daemon.kill("SIGKILL");
  await state.remove();
});

const logOf = (client: Manager, id: JobId): Promise<string> =>
  text(client.jobLog(id, 0, false, new AbortController().signal));

function startDaemon(configPath: string): ChildProcess {
  const daemon = spawn(process.execPath, [CLI, "daemon", "-c", configPath], { stdio: ["ignore", "ignore", "ignore"] });
  daemons.push(daemon);
  return daemon;
}

it("keeps idle machines and running jobs over kill -9 of the daemon and over a hand-over, and leaves nothing at SIGTERM", async () => {
  const config = await state.writeConfig(POOL(1));
  const client = createApiClient(join(state.stateDir, "mayfly.sock"));
  const machineIn = (wanted: Machine["state"]): Promise<Machine> =>
    until(`a machine is ${wanted}`, 5 * MINUTE_MS, async () =>
      (await client.machines(false).catch(() => [])).find((machine) => machine.state === wanted),
    );
  const lines = Array.from({ length: 90 }, (_, index) => `line-${index + 1}`);
  const first = startDaemon(config);
  await machineIn("idle");
  const { id } = await client.submitJob({
    ...{ name: "long", poolName: "small", holder: "test", services: [], variables: {}, beforeScript: [] },
    ...{ script: [`for i in $(seq ${lines.length}); do echo line-$i; sleep 1; done`, "printf end"] },
    ...{ afterScript: [], echoCommands: false },
  });
  const logHas = (line: string): Promise<true> =>
    until(`the job's log has ${line}`, 3 * MINUTE_MS, async () =>
      (await logOf(client, id).catch(() => "")).includes(`${line}\n`),
    );
  await logHas("line-3");
  const leased = await machineIn("leased");
  const idle = await machineIn("idle");
  const pidsBefore = await state.pids();

  first.kill("SIGKILL");
  await once(first, "exit");
  const pidsAfterKill = await state.pids();
  const second = startDaemon(config);
  await logHas("line-20");
  second.kill("SIGUSR2");
  const [handOverCode] = await once(second, "exit");
  const pidsAfterHandOver = await state.pids();
  const third = startDaemon(config);
  const ended = await until("the job has ended", 5 * MINUTE_MS, async () => {
    const job = await client.job(id).catch(() => undefined);
    return job?.state === "ended" && job;
  });
  const adopted = await runCli(["run", "-c", config, "--json", "--", "echo", "hello from an adopted machine"]);

  expect(pidsAfterKill).toEqual(pidsBefore);
  expect(handOverCode).toBe(0);
  expect(pidsAfterHandOver).toEqual(pidsBefore);
  expect(ended).toMatchObject({ machineId: leased.id, end: { result: "success", exitCode: 0 } });
  expect(await logOf(client, id)).toBe(`${lines.join("\n")}\nend`);
  expect(adopted).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("hello from an adopted machine") });
  expect(JSON.parse(adopted.stdout)).toMatchObject({ machineId: idle.id, exitCode: 0, result: "success" });

  third.kill("SIGTERM");
  const [exitCode] = await once(third, "exit");
  expect(exitCode).toBe(0);
  expect(await state.leftovers()).toEqual([]);
});

it("refuses a second daemon on the same state directory in one line", async () => {
  const config = await state.writeConfig(POOL(0));
  const client = createApiClient(join(state.stateDir, "mayfly.sock"));
  const first = startDaemon(config);
  await until("the daemon answers", MINUTE_MS, () => client.health().catch(() => undefined));

  const second = await runCli(["daemon", "-c", config]);

  expect(second.exitCode).toBe(3);
  expect(second.stderr.trim().split("\n")).toEqual([expect.stringContaining(String(first.pid))]);
  first.kill("SIGTERM");
  expect((await once(first, "exit"))[0]).toBe(0);
});

it("run cancels its job at the first SIGINT, ends its own manager and leaves nothing", async () => {
  const config = await state.writeConfig(POOL(0));

  const outcome = await runCli(["run", "-c", config, "--", "sh", "-c", "echo begun; sleep 600"], {
    onStart: (child) => child.stdout?.on("data", (bytes: Buffer) => bytes.includes("begun") && child.kill("SIGINT")),
  });

  expect(outcome).toMatchObject({ exitCode: 130, stdout: expect.stringContaining("begun") });
  expect(await state.leftovers()).toEqual([]);
});

it("run is hurried by a second SIGINT, and leaves nothing either", async () => {
  const config = await state.writeConfig(POOL(0));

  const outcome = await runCli(["run", "-c", config, "--", "sh", "-c", "trap '' TERM; echo begun; sleep 600"], {
    onStart: (child) =>
      child.stdout?.on("data", (bytes: Buffer) => {
        if (!bytes.includes("begun")) return;
        child.kill("SIGINT");
        setTimeout(() => child.kill("SIGINT"), 500);
      }),
  });

  expect(outcome.exitCode).toBe(130);
  expect(await state.leftovers()).toEqual([]);
});

it("quickstart runs its three jobs on three machines, two at a time, and leaves nothing", async () => {
  const config = await state.writeConfig(POOL(0));

  const outcome = await runCli(["quickstart", "-c", config, "--json"]);

  expect(outcome.stderr).toContain("unchanged recipe");
  expect(outcome.exitCode).toBe(0);
  const { jobs } = JSON.parse(outcome.stdout) as { jobs: { name: string; result: string; machineId: string }[] };
  expect(jobs.map(({ name, result }) => [name, result])).toEqual([
    ["sudo", "success"],
    ["docker-build", "success"],
    ["compose", "success"],
  ]);
  expect(new Set(jobs.map(({ machineId }) => machineId)).size).toBe(3);
  expect(outcome.stderr).toContain("Hello from a web server of this job alone");
  expect(await state.leftovers()).toEqual([]);
});
