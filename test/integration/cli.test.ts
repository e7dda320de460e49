import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createApiClient } from "../../src/api/client.ts";
import type { Machine } from "../../src/domain/machine.ts";
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

const CONTAINER_PIPELINE = `
container:
  image: { name: mayfly/busybox, pull_policy: never }
  script: i=0; until [ -e go ]; do i=$((i + 1)); echo in-$i; sleep 1; done
  after_script: [echo after $CI_JOB_STATUS]
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

/** A command that runs, and what is seen of it. */
function startCli(args: readonly string[], cwd = "/") {
  const seen = { text: "" };
  const onStart = (child: ChildProcess): void =>
    void child.stdout?.on("data", (bytes: Buffer) => {
      seen.text += bytes.toString();
    });
  const outcome = runCli(args, { cwd, onStart });
  const endedEarly = async (words: string): Promise<never> => {
    throw new Error(`it ended before it said ${words}: ${JSON.stringify(await outcome)}`);
  };
  const said = (words: string): Promise<true> =>
    Promise.race([
      until(`it says ${words}`, 5 * MINUTE_MS, async () => seen.text.includes(words)),
      outcome.then(() => endedEarly(words)),
    ]);
  const saysMore = async (): Promise<void> => {
    const { length } = seen.text;
    await until("it says more", 5 * MINUTE_MS, async () => seen.text.length > length);
  };
  return { said, saysMore, outcome };
}

/** What a text would hold that counts, line by line, as far as this one does. */
const counted = (prefix: string, text: string): string =>
  Array.from({ length: text.split(prefix).length - 1 }, (_, index) => `${prefix}${index + 1}\n`).join("");

/** Lines of the job, its after_script and its end; neither those of the preparation nor the echoes of commands. */
const isOutput = (line: string): boolean => /^\[container\] (in-|Running after|after |Job )/.test(line);

function startDaemon(configPath: string): ChildProcess {
  const daemon = spawn(process.execPath, [CLI, "daemon", "-c", configPath], { stdio: ["ignore", "ignore", "ignore"] });
  daemons.push(daemon);
  return daemon;
}

it("keeps idle machines, and brings running jobs to their front doors, over kill -9 of the daemon and over a hand-over", async () => {
  const config = await state.writeConfig(POOL(1));
  const project = join(state.stateDir, "project");
  await mkdir(project);
  await writeFile(join(project, ".gitlab-ci.yml"), CONTAINER_PIPELINE);
  const client = createApiClient(join(state.stateDir, "mayfly.sock"));
  const machineIn = (wanted: Machine["state"]): Promise<Machine> =>
    until(`a machine is ${wanted}`, 5 * MINUTE_MS, async () =>
      (await client.machines(false).catch(() => [])).find((machine) => machine.state === wanted),
    );
  const endOnMachine = async ({ id }: Machine, file: string): Promise<void> => {
    const made = await client.execOnMachine(id, `touch ${file}`, {}, new AbortController().signal);
    made.stdout.resume();
    made.stderr.resume();
    expect(await made.exited).toMatchObject({ exitCode: 0 });
  };
  const script = "i=0; until [ -e /tmp/go ]; do echo line-$((++i)); sleep 1; done; printf end; exit 7";
  const first = startDaemon(config);
  await machineIn("idle");
  const run = startCli(["run", "-c", config, "--", "bash", "-c", script]);
  await run.said("line-3\n");
  const leased = await machineIn("leased");
  const idle = await machineIn("idle");
  const pidsBefore = await state.pids();

  first.kill("SIGKILL");
  await once(first, "exit");
  const pidsAfterKill = await state.pids();
  const second = startDaemon(config);
  await run.saysMore();
  const ci = startCli(["ci", "-c", config], project);
  await ci.said("in-2\n");
  second.kill("SIGUSR2");
  const [handOverCode] = await once(second, "exit");
  const pidsAfterHandOver = await state.pids();
  const third = startDaemon(config);
  await run.saysMore();
  await endOnMachine(leased, "/tmp/go");
  await ci.saysMore();
  await endOnMachine(idle, "/builds/container/go");
  const [ran, built] = await Promise.all([run.outcome, ci.outcome]);

  expect(pidsAfterKill).toEqual(pidsBefore);
  expect(handOverCode).toBe(0);
  expect(pidsAfterHandOver).toEqual(pidsBefore);
  expect(ran).toMatchObject({ exitCode: 1, stdout: `${counted("line-", ran.stdout)}end` });
  expect(ran.stderr).toContain("mayfly: job run: failed: exit code 7\n");
  expect(ran.stderr).toContain("mayfly: the manager is away, waiting for it for up to 2m\n");
  // The job in a container, on the machine that was idle when its manager was killed.
  expect(built).toMatchObject({ exitCode: 0, stderr: expect.stringContaining(`job container on ${idle.id}: success`) });
  const output = stripVTControlCharacters(built.stdout).split("\n").filter(isOutput).join("\n");
  expect(output).toBe(
    `${counted("[container] in-", output)}[container] Running after script...\n[container] after success\n[container] Job succeeded`,
  );

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

it("run cancels its job at the first SIGINT, is hurried by a second, ends its own manager and leaves nothing", async () => {
  const config = await state.writeConfig(POOL(0));

  const outcome = await runCli(["run", "-c", config, "--", "sh", "-c", "trap '' TERM; echo begun; sleep 600"], {
    onStart: (child) => {
      child.stdout?.on("data", (bytes: Buffer) => bytes.includes("begun") && child.kill("SIGINT"));
      child.stderr?.on("data", (bytes: Buffer) => bytes.includes("interrupt again") && child.kill("SIGINT"));
    },
  });

  expect(outcome).toMatchObject({ exitCode: 130, stdout: expect.stringContaining("begun") });
  expect(outcome.stderr).toContain("mayfly: cancelling the job; interrupt again to force it\n");
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
