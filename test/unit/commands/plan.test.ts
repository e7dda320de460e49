import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { machineIdFrom } from "../../../src/domain/ids.ts";
import { runCli } from "../../support/cli.ts";
import type { Outcome } from "../../support/cli.ts";
import { serveManager } from "../../support/manager.ts";
import { endedLease } from "../../support/records.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "mayfly-plan-"));
  // Ten jobs at once, twice: two in time with two idle machines.
  const times = [0, 3600].flatMap((at) => Array.from({ length: 10 }, () => at));
  await writeFile(join(dir, "jobs.csv"), `ready_at,duration\n${times.map((at) => `${at},30\n`).join("")}`);
  await writeFile(join(dir, "jobs.csv.gz"), gzipSync("ready_at,duration\n100,5\n"));
  await writeFile(join(dir, "wrong.csv"), "ready_at,duration\n100,5\nsoon,5\n");
  await writeFile(join(dir, "empty.csv"), "ready_at,duration\n");
  await writeFile(
    join(dir, "mayfly.toml"),
    'state_dir = "/nowhere"\n[[pool]]\nname = "small"\nmax_machines = 3\nidle_count = 2\n[pool.cost]\nusd_per_hour = 6.0\n',
  );
  await writeFile(
    join(dir, "budget.toml"),
    'state_dir = "/nowhere"\n[[pool]]\nname = "small"\nmax_machines = 30\nbudget_per_day = 5\n[pool.target]\nwait = "5s"\nwait_price = 0.05\n[pool.cost]\nusd_per_hour = 0.2\n',
  );
});
afterAll(async () => rm(dir, { recursive: true, force: true }));

const plan = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> =>
  runCli(["plan", ...args], { cwd: dir, env });

describe("mayfly plan", () => {
  it("replays a trace under policies, and beside them under those that know it", async () => {
    const { stdout, exitCode } = await plan(["--trace", "jobs.csv", "--policy", "static:2", "--boot", "60s", "--json"]);

    const { trace, goal, policies } = JSON.parse(stdout);
    expect(exitCode).toBe(0);
    expect(trace).toMatchObject({ source: "jobs.csv", jobs: 20, dropped: 0, withoutDuration: 0 });
    expect(goal).toEqual({ waitMs: 5000, share: 0.95 });
    expect(policies.map(({ name }: { name: string }) => name)).toEqual([
      ...["static:2", "best constant", "best IdleScaleFactor", "best by hour of week", "oracle of the hour's rate"],
    ]);
    // Two of ten find an idle machine; the others wait for a boot of their own.
    expect(policies[0]).toMatchObject({
      engine: "closed form",
      share: 0.2,
      p50Ms: 60_000,
      maxMs: 60_000,
      isReached: false,
    });
    expect(policies[0].peakMachines).toBe(12);
    expect(policies[1]).toMatchObject({ setting: "idle_count 10", share: 1, isReached: true });
  });

  it("replays what the config says, within the pool's limits, and prices it", async () => {
    const { stdout } = await plan(["--trace", "jobs.csv", "--policy", "config", "--growth", "10", "--json"]);

    const [config] = JSON.parse(stdout).policies;
    expect(config).toMatchObject({ name: "config", engine: "rules", peakMachines: 3 });
    expect(config.costUsd).toBeCloseTo(6 * (config.idleHours + config.bootingHours + config.busyHours), 6);
  });

  it("replays what only the control loop knows through it, and says so", async () => {
    const { stdout, stderr } = await plan(["--trace", "jobs.csv", "-c", "budget.toml", "--policy", "config"]);

    expect(stderr).not.toContain("mayfly:");
    expect(stdout).toMatch(/config .* loop\n/);
    expect(stdout).toContain(
      "config: replayed through the manager's control loop, which alone knows budget_per_day and target.wait_price.",
    );
  });

  it("draws what it found, and makes a page of it that needs nothing else", async () => {
    const { stdout } = await plan(["--trace", "jobs.csv", "--policy", "static:2", "--out", "report", "--json"]);

    const { files } = JSON.parse(stdout);
    expect(files).toEqual(["frontier.svg", "week.svg", "plan.html"].map((name) => join(dir, "report", name)));
    const [frontier = "", week = "", page = ""] = await Promise.all(
      files.map((file: string) => readFile(file, "utf8")),
    );
    for (const picture of [frontier, week]) {
      // Every tag that opens is closed, and no number is none.
      expect(picture.match(/<[a-z]+[^>]*[^/]>/g)?.length).toBe(picture.match(/<\/[a-z]+>/g)?.length);
      expect(picture).not.toMatch(/NaN|Infinity|undefined/);
      expect(picture).toContain("static:2");
      expect(page).toContain(picture);
    }
    expect(page).toContain("<td>best constant: idle_count 10</td>");
    expect(page).not.toMatch(/(?:src|href)=/);
  });

  it("replays through the manager's own loop where that is asked for", async () => {
    const args = ["--trace", "jobs.csv", "--policy", "static:2", "--policy", "config", "--growth", "10", "--json"];
    const { stdout } = await plan([...args, "--engine", "loop"]);

    const [level, config] = JSON.parse(stdout).policies;
    expect(level).toMatchObject({ engine: "loop", maxMs: config.maxMs });
    expect(config).toMatchObject({ engine: "loop", peakMachines: 3 });
    expect(config.maxMs).toBeGreaterThan(120_000);
  });

  it("recommends settings as a diff of the config's file, which takes it", async () => {
    const own = await mkdtemp(join(dir, "recommend-"));
    const config =
      '# ours\n[[pool]]\nname = "small" # all\nidle_count = 5   # guessed\nmax_growth_rate = 50\nmax_machines = 50\n';
    await writeFile(join(own, "mayfly.toml"), config);
    // For four weeks, two jobs at once every hour.
    const times = Array.from({ length: 28 * 24 * 2 }, (_, n) => 1_704_067_200 + 1800 * (n - (n % 2)));
    await writeFile(join(own, "jobs.csv"), `ready_at,duration\n${times.map((at) => `${at},30\n`).join("")}`);

    const { stdout } = await runCli(["plan", "--trace", "jobs.csv", "--recommend"], { cwd: own });

    expect(stdout).toContain("Recommended: idle_count 2. Expected: 100.0 % in time");
    execFileSync("git", ["apply", "-p0"], { cwd: own, input: stdout });
    expect(await readFile(join(own, "mayfly.toml"), "utf8")).toBe(config.replace("idle_count = 5", "idle_count = 2"));
  });

  it("sizes a pool, and says how often a limit is hit and when more idle machines cannot help", async () => {
    const { stdout } = await plan(["--trace", "jobs.csv", "--pool", "small", "--sizing", "--quota", "16"]);

    expect(stdout).toContain("99 % of days ≤ 20, most 20.");
    expect(stdout).toContain("The least max_machines that reaches the goal so: 10.");
    expect(stdout).toContain("max_machines 3 is hit on 100 % of weekdays (1 of 1), 100 % of all days.");
    expect(stdout).toContain("were all 3 kept ready, 30.0 % of jobs would be in time, not 95 % of jobs within 5s.");
    expect(stdout).toContain("the 16-vCPU quota (2 a machine), 8 machines, is hit on 100 % of weekdays");
  });

  it("judges by the first target's promise", async () => {
    const { stdout } = await plan(["--trace", "jobs.csv", "--policy", "target:wait=90s,share=0.5", "--json"]);

    const { goal, policies } = JSON.parse(stdout);
    expect(goal).toEqual({ waitMs: 90_000, share: 0.5 });
    // Who may wait for a boot needs no idle machine.
    expect(policies[0]).toMatchObject({ share: 1, idleHours: 0 });
  });

  it("prints a table for a person, and progress beside it", async () => {
    const { stdout, stderr } = await plan(["--trace", "jobs.csv.gz", "--policy", "static:1"]);

    expect(stdout).toContain("1 jobs of jobs.csv.gz");
    expect(stdout).toMatch(/policy +in time +p50 +p95 +p99 +max wait +idle h +boot h +busy h +peak +by/);
    expect(stdout).toMatch(/static:1 +100.00 % +0.0s/);
    expect(stderr).toContain("Reading jobs.csv.gz");
  });

  it("replays what a daemon remembers of a pool", async () => {
    const lease = {
      ...endedLease("l-1", 90_000),
      createdAt: 10_000,
      heldSince: 12_000,
      machineId: machineIdFrom("m-1"),
    };
    await using served = await serveManager({ leases: async () => [{ lease }], machines: async () => [] });

    const { stdout } = await plan(["--history", "--json"], { MAYFLY_SOCKET: served.socketPath });

    expect(JSON.parse(stdout).trace).toMatchObject({ source: "what the daemon remembers, pool small", jobs: 1 });
  });

  it.each([
    [["--trace", "wrong.csv"], 'wrong.csv:3: Expected ready_at to be an instant, got "soon"'],
    [["--trace", "empty.csv"], "empty.csv: Expected at least one job, got none"],
    [["--trace", "none.csv"], "none.csv: Expected a file"],
    [[], "plan: Expected --trace FILE or --history"],
    [["--trace", "jobs.csv", "--from", "2030-01-01"], "jobs.csv: Expected a job in the stretch to be judged"],
    [["--trace", "jobs.csv", "--policy", "static"], "--policy: Expected static:COUNT"],
    [
      ["--trace", "jobs.csv", "--policy", "magic"],
      '--policy: Expected static, scale_factor, target or config, got "magic"',
    ],
    [["--trace", "jobs.csv", "--boot", "60"], "--boot: Expected a duration"],
    [["--trace", "jobs.csv", "--pool", "large"], '--pool: there is no pool "large"; there is: small'],
    [["--trace", "jobs.csv", "--sizing", "--quota", "16"], "--vcpus: Expected how many vCPUs a machine has"],
  ])("says what is wrong with %j", async (args, problem) => {
    const { exitCode, stdout, stderr } = await plan(args);

    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(problem);
  });
});
