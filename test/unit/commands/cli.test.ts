import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import {
  CapacityError,
  ConflictError,
  MachineLostError,
  NotFoundError,
  SystemError,
  TransientError,
} from "../../../src/domain/errors.ts";
import { jobIdFrom, leaseIdFrom, machineIdFrom } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job.ts";
import type { Machine } from "../../../src/domain/machine.ts";
import { terminatingFrom } from "../../../src/domain/moves.ts";
import type { PoolShadows, PoolWhy } from "../../../src/ports/explain.ts";
import type { LeaseView, Manager, PoolView } from "../../../src/ports/manager.ts";
import { CLI, runCli } from "../../support/cli.ts";
import type { CliOptions, Outcome } from "../../support/cli.ts";
import {
  idleMachine,
  leasedMachine,
  startingMachine,
  stoppedMachine,
  terminatingMachine,
} from "../../support/machines.ts";
import { serveManager } from "../../support/manager.ts";
import { pool } from "../../support/pools.ts";
import { endedJob, endedLease, waitingJob, waitingLease } from "../../support/records.ts";

/** Runs `mayfly` against a manager that answers what the test says, by way of its socket. */
async function runAgainst(
  answers: Partial<Manager>,
  args: readonly string[],
  options: CliOptions = {},
): Promise<Outcome> {
  await using served = await serveManager(answers);
  return await runCli(args, { ...options, env: { MAYFLY_SOCKET: served.socketPath } });
}

const TARGET_FILE = `[[pool]]
name = "small"
budget_per_day = 5
[pool.target]
wait = "1s"
share = 0.95
[pool.cost]
usd_per_hour = 0.1
`;

const view: PoolView = {
  desired: pool({ idleTimeMs: 1_200_000 }),
  mode: "cordoned",
  steeredBy: "all",
  isCordoned: true,
  machines: {
    ...{ requested: 1, booting: 1, idle: 3, stopping: 1, stopped: 2, starting: 0 },
    ...{ leased: 4, terminating: 0, terminated: 9 },
  },
  waitingLeases: 2,
  why: "at its limit of 4 machines",
};
const waitingView: LeaseView = { lease: waitingLease("l-1"), why: "all 4 machines are leased" };
const heldView: LeaseView = {
  lease: { ...waitingLease("l-1"), state: "held", machineId: machineIdFrom("m-7"), heldSince: 3000 },
};
const failedJob: Job = {
  ...endedJob("j-1"),
  machineId: machineIdFrom("m-7"),
  phasesMs: { queued: 400, script: 62_000 },
  end: { result: "failed", exitCode: 3, message: "the script exited with 3" },
};

describe("wrong usage", () => {
  it.each<[readonly string[], RegExp]>([
    [["machin"], /^mayfly: unknown command 'machin'\n\(Did you mean machine\?\)/],
    [["pool", "lsit"], /^mayfly: unknown command 'lsit'\n\(Did you mean list\?\)/],
    [["pool", "list", "--jsn"], /^mayfly: unknown option '--jsn'\n\(Did you mean --json\?\)/],
    [["pool", "show"], /^mayfly: missing required argument 'name'/],
    [["lease", "acquire"], /^mayfly: required option '--pool <name>' not specified/],
    [["lease", "acquire", "--pool", "p", "--ttl", "60"], /^mayfly: --ttl: Expected a duration like .*, got "60"\n$/],
    [["lease", "acquire", "--pool", "p", "--ttl", "1ms"], /^mayfly: --ttl: Expected at least 1\.0s, got 0\.0s\n$/],
    [["pool", "drain"], /^mayfly: pool drain: Expected a pool's name or --all, got neither\n$/],
    [["pool", "cordon", "small", "--all"], /^mayfly: pool cordon: Expected a pool's name or --all, got both\n$/],
    [["pool", "drain", "small", "--wait", "--timeout", "5"], /^mayfly: --timeout: Expected a duration/],
    [["pool"], /^Usage: mayfly pool/],
    [[], /^Usage: mayfly/],
  ])("%j ends with 2 and says what is wrong", async (args, message) => {
    const { exitCode, stdout, stderr } = await runAgainst({}, args);

    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toMatch(message);
  });

  it.each([[["--version"]], [["--help"]], [["run", "--help"]]])("%j is none, and ends with 0", async (args) => {
    const { exitCode, stdout, stderr } = await runCli(args);

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).not.toBe("");
  });
});

describe("errors", () => {
  it.each([
    [2, new NotFoundError("unknown-pool", "there is no pool x")],
    [3, new CapacityError("wait-timeout", "no room")],
    [3, new SystemError("disk-full", "no space left")],
    [3, new MachineLostError("channel-lost", "gone")],
    [3, new ConflictError("pool-cordoned", "no new leases")],
    [3, new TransientError("throttled", "later")],
  ])("end with %i and one line: %s", async (exitCode, error) => {
    const outcome = await runAgainst({ pools: () => Promise.reject(error) }, ["pool", "list"]);

    expect(outcome).toEqual({ exitCode, stdout: "", stderr: `mayfly: ${error.message}\n` });
  });

  it("without a daemon say how to start one", async () => {
    const outcome = await runCli(["pool", "list", "--socket", "/nowhere/mayfly.sock"]);

    const stderr = "mayfly: no mayfly daemon answers at /nowhere/mayfly.sock; start one with `mayfly daemon`\n";
    expect(outcome).toEqual({ exitCode: 3, stdout: "", stderr });
  });

  it("of a config show every problem, without a stack", async () => {
    const folder = await mkdtemp(join(tmpdir(), "mayfly-cli-"));
    await writeFile(join(folder, "mayfly.toml"), 'nam = "x"\nmax_machines = "two"\n');

    const { exitCode, stderr } = await runCli(["pool", "list"], { cwd: folder });

    expect(exitCode).toBe(2);
    expect(stderr.match(/^mayfly: mayfly\.toml:\d/gm)).toEqual(["mayfly: mayfly.toml:1", "mayfly: mayfly.toml:2"]);
    expect(stderr).not.toContain("    at ");
    await rm(folder, { recursive: true });
  });
});

describe("a list", () => {
  it("of pools is a table that says why", async () => {
    const { exitCode, stdout } = await runAgainst({ pools: async () => [view] }, ["pool", "list"]);

    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^pool +driver +max +booting +idle +stopped +leased +ending +waiting +mode +why$/m);
    expect(stdout).toMatch(
      /^small +simulated +4 +2 +3\/1 +2\/0 +4 +0 +2 +cordoned \(all pools\) +at its limit of 4 machines$/m,
    );
  });

  it("of machines shows each in its state", async () => {
    const machines = [idleMachine({ isCordoned: true }), leasedMachine(), terminatingMachine()];

    const { stdout } = await runAgainst({ machines: async () => machines }, ["machine", "list"]);

    expect(stdout).toMatch(/^m-\d+ +small +idle, cordoned +1970-01-12T13:46:40Z +127\.1\.1\.1:22 +- +-$/m);
    expect(stdout).toMatch(/^m-\d+ +small +leased +\S+ +127\.1\.1\.1:22 +l-\d+ +-$/m);
    expect(stdout).toMatch(/^m-\d+ +small +terminating +\S+ +- +- +operator$/m);
  });

  it("of machines shows those that are stopped, with no address", async () => {
    const machines = [stoppedMachine({ stoppedMs: 2000 }), startingMachine({ startingMs: 1000 })];

    const { stdout } = await runAgainst({ machines: async () => machines }, ["machine", "list"]);

    expect(stdout).toMatch(/^m-\d+ +small +stopped +1970-01-12T13:46:38Z +- +- +-$/m);
    expect(stdout).toMatch(/^m-\d+ +small +starting +1970-01-12T13:46:39Z +- +- +-$/m);
  });

  it("of machines shows what they cost, unless all are free", async () => {
    const machines = [
      { ...idleMachine(), costUsd: 0.0034 },
      { ...leasedMachine(), costUsd: 12.404 },
      terminatingMachine(),
    ];

    const { stdout } = await runAgainst({ machines: async () => machines }, ["machine", "list"]);
    const free = await runAgainst({ machines: async () => [{ ...idleMachine(), costUsd: 0 }] }, ["machine", "list"]);

    expect(stdout).toMatch(/^machine +pool +state +since +address +lease +cost +why$/m);
    expect(stdout).toMatch(/^m-\d+ +small +idle +\S+ +127\.1\.1\.1:22 +- +\$0\.0034 +-$/m);
    expect(stdout).toMatch(/^m-\d+ +small +leased +\S+ +127\.1\.1\.1:22 +l-\d+ +\$12\.40 +-$/m);
    expect(stdout).toMatch(/^m-\d+ +small +terminating +\S+ +- +- +- +operator$/m);
    expect(free.stdout).toMatch(/^machine +pool +state +since +address +lease +why$/m);
  });

  it("of one machine says how it came up, and how soon it was ready", async () => {
    const restored = { ...idleMachine(), readyAt: 4_400, launchedAt: 1_000, origin: "restored" as const };
    const ended = terminatingFrom(restored, "operator", "by hand", 5_000);
    const show = async (machine: Machine) =>
      (await runAgainst({ machine: async () => machine }, ["machine", "show", machine.id])).stdout;

    expect(await show(restored)).toMatch(/^came up +restored, ready 3\.4 s after its launch$/m);
    expect(await show(ended)).toMatch(/^came up +restored, ready 3\.4 s after its launch$/m);
    expect(await show({ ...ended, readyAt: undefined })).toMatch(/^came up +restored$/m);
    expect(await show(idleMachine())).not.toContain("came up");
  });

  it("of leases says why they wait and how they ended", async () => {
    const leases = async (): Promise<LeaseView[]> => [waitingView, heldView, { lease: endedLease("l-9") }];

    const { stdout } = await runAgainst({ leases }, ["lease", "list", "--all"]);

    expect(stdout).toMatch(/^l-1 +small +test +waiting +- +- +1970-01-01T00:00:01Z +all 4 machines are leased$/m);
    expect(stdout).toMatch(/^l-1 +small +test +held +m-7 +- +1970-01-01T00:00:03Z +-$/m);
    expect(stdout).toMatch(/^l-9 +small +test +ended +- +- +1970-01-01T00:00:02Z +released$/m);
  });

  it("of jobs shows results", async () => {
    const { stdout } = await runAgainst({ jobs: async () => [waitingJob("j-0"), failedJob] }, ["job", "list", "--all"]);

    expect(stdout).toMatch(/^j-0 +j-0 +small +test +waiting +- +1970-01-01T00:00:01Z$/m);
    expect(stdout).toMatch(/^j-1 +j-1 +small +test +failed +m-7 +1970-01-01T00:00:02Z$/m);
  });

  it("of jobs shows what they cost", async () => {
    const jobs = async () => [waitingJob("j-0"), { ...failedJob, costUsd: 0.25 }];

    const { stdout } = await runAgainst({ jobs }, ["job", "list", "--all"]);

    expect(stdout).toMatch(/^j-0 .* waiting +- +1970-01-01T00:00:01Z +-$/m);
    expect(stdout).toMatch(/^j-1 .* failed +m-7 +1970-01-01T00:00:02Z +\$0\.2500$/m);
  });

  it.each<[string, keyof Manager, boolean, readonly string[]]>([
    ["machine", "machines", false, []],
    ["machine", "machines", true, ["--all"]],
    ["lease", "leases", true, ["--all"]],
    ["job", "jobs", false, []],
  ])("of each %s is the manager's own answer with --json", async (noun, method, isAll, more) => {
    const asked: unknown[] = [];
    const answer = async (all: boolean): Promise<readonly never[]> => {
      asked.push(all);
      return [];
    };

    const outcome = await runAgainst({ [method]: answer }, [noun, "list", "--json", ...more]);

    expect(outcome).toEqual({ exitCode: 0, stdout: "[]\n", stderr: "" });
    expect(asked).toEqual([isAll]);
  });
});

describe("one thing", () => {
  it("a pool is shown with what its schedule makes of its wish", async () => {
    const why = "schedule section 1 (* 9-17 * * mon-fri, Europe/Berlin) until 2026-11-27 18:00 Europe/Berlin";
    const wish = { idleCount: 7, stoppedCount: undefined, idleTimeMs: 60_000, sectionIndex: 0, changesAt: 9_000, why };
    const schedule = [{ periods: ["* 9-17 * * mon-fri"], timezone: "Europe/Berlin", idleCount: 7, idleTimeMs: 60_000 }];
    const scheduled: PoolView = { ...view, desired: pool({ schedule }), wish };

    const shown = await runAgainst({ pool: async () => scheduled }, ["pool", "show", "small"]);
    const listed = await runAgainst({ pools: async () => [scheduled] }, ["pool", "list"]);
    const json = await runAgainst({ pool: async () => scheduled }, ["pool", "show", "small", "--json"]);

    expect(shown.stdout).toMatch(
      /^idle count +7\nidle time +1m\nholds now +schedule section 1 \(.*\) until 2026-11-27 18:00 Europe\/Berlin$/m,
    );
    expect(listed.stdout).toMatch(/ 3\/7 /);
    expect(JSON.parse(json.stdout)).toMatchObject({ desired: { schedule }, wish: { idleCount: 7, changesAt: 9_000 } });
  });

  it.each(["show", "cordon", "drain", "resume"])("a pool is shown by %s", async (verb) => {
    const method = verb === "show" ? "pool" : `${verb}Pool`;
    const asked: string[] = [];
    const answer = async (name: string): Promise<PoolView> => {
      asked.push(name);
      return view;
    };

    const { exitCode, stdout } = await runAgainst({ [method]: answer }, ["pool", verb, "small"]);

    expect({ exitCode, asked }).toEqual({ exitCode: 0, asked: ["small"] });
    expect(stdout).toContain("why              at its limit of 4 machines\n");
    expect(stdout).toContain(
      "machines         1 requested, 1 booting, 3 idle, 1 stopping, 2 stopped, 4 leased, 9 terminated\n",
    );
    expect(stdout).toContain("idle time        20m\n");
  });

  it.each(["cordon", "drain", "resume"])("all pools are listed by %s --all", async (verb) => {
    const outcome = await runAgainst({ [`${verb}All`]: async () => [view, view] }, ["pool", verb, "--all", "--json"]);

    expect(outcome).toMatchObject({ exitCode: 0, stderr: "" });
    expect(JSON.parse(outcome.stdout)).toEqual([view, view]);
  });

  it("a drained pool is shown once it is empty, with what was waited for", async () => {
    const machine = leasedMachine();
    const job = { ...waitingJob("j-7"), state: "running", machineId: machine.id } as const;
    let looks = 0;
    const answers: Partial<Manager> = {
      drainPool: async () => view,
      pool: async () => ({ ...view, why: "draining: nothing left" }),
      jobs: async () => [job],
      machines: async () => {
        looks += 1;
        return looks === 1 ? [machine, { ...idleMachine(), poolName: "large" }] : [];
      },
    };

    const { exitCode, stdout, stderr } = await runAgainst(answers, ["pool", "drain", "small", "--wait"]);

    expect({ exitCode, looks }).toEqual({ exitCode: 0, looks: 2 });
    expect(stderr).toBe(
      `mayfly: waiting for 1 machine of small: ${machine.id} (leased, job j-7 j-7); 1h more at the longest\n`,
    );
    expect(stdout).toMatch(/^why +draining: nothing left$/m);
  });

  it.each(["show", "terminate"])("a machine is shown by %s", async (verb) => {
    const method = verb === "show" ? "machine" : "terminateMachine";
    const machine = { ...terminatingMachine(), id: machineIdFrom("m-9") };

    const { stdout } = await runAgainst({ [method]: async () => machine }, ["machine", verb, "m-9"]);

    expect(stdout).toMatch(/^machine +m-9$/m);
    expect(stdout).toMatch(/^reason +operator$/m);
  });

  it("a job is shown with its end and its phases", async () => {
    const { stdout } = await runAgainst({ job: async () => failedJob }, ["job", "show", "j-1"]);

    expect(stdout).toMatch(/^message +the script exited with 3$/m);
    expect(stdout).toMatch(/^exit code +3$/m);
    expect(stdout).toMatch(/^phases +queued 0\.4s, script 1m2s$/m);
  });

  it("a machine is shown with its price and what it has cost so far, a job with what its machine cost", async () => {
    const price = { usdPerHour: 0.1008, source: "the price list of 2026-07-20" };
    const machine = async () => ({ ...leasedMachine(), price, costUsd: 0.0123 });

    const shownMachine = await runAgainst({ machine }, ["machine", "show", "m-1"]);
    const shownJob = await runAgainst({ job: async () => ({ ...failedJob, costUsd: 0.0123 }) }, ["job", "show", "j-1"]);

    expect(shownMachine.stdout).toMatch(/^price +\$0\.1008 an hour, by the price list of 2026-07-20$/m);
    expect(shownMachine.stdout).toMatch(/^cost +\$0\.0123 so far$/m);
    expect(shownJob.stdout).toMatch(/^cost +\$0\.0123$/m);
  });

  it("a pool says why it keeps so many machines ready, in numbers, and how that changed", async () => {
    const decision = {
      ...{ at: 60_000, level: 3, binding: "price", why: "3 for 95 %", asked: 3, forecastPerHour: 12.345 },
      ...{ window: { p50: 0, p95: 2, p99: 4 }, price: 41.2, lastPrice: 30, missedWithoutLastPerHour: 0.5 },
    };
    const why: PoolWhy = {
      ...{ poolName: "small", why: "3 idle; target: 3 for 95 %", policy: "target", level: 3 },
      ...{ bootMs: 42_000, bootsMeasured: 17, jobsSeen: 80, decision, changes: [decision] },
      promise: { waitMs: 5_000, share: 0.95, jobs: 77, attainedShare: 0.9345, limitedJobs: 3, priceFactor: 1.234 },
    };

    const plain = await runAgainst({ poolWhy: async () => why }, ["pool", "show", "small", "--why"]);
    const json = await runAgainst({ poolWhy: async () => why }, ["pool", "show", "small", "--why", "--json"]);

    expect(plain.stdout).toMatch(/^why +3 idle; target: 3 for 95 %$/m);
    expect(plain.stdout).toMatch(/^forecast +12\.3 jobs an hour$/m);
    expect(plain.stdout).toMatch(/^a window holds +0 jobs \(p50\), 2 \(p95\), 4 \(p99\)$/m);
    expect(plain.stdout).toMatch(/^without the last +0\.5 jobs an hour more would wait$/m);
    expect(plain.stdout).toMatch(/^boot time +42s \(17 measured\)$/m);
    expect(plain.stdout).toMatch(/^promised +95 % within 5\.0s$/m);
    expect(plain.stdout).toMatch(/^attained +93\.5 % of the last 77 jobs; 3 more waited for a limit$/m);
    expect(plain.stdout).toMatch(/^price factor +1\.23 by what jobs have waited$/m);
    expect(plain.stdout).not.toContain("one more costs");
    expect(plain.stdout).toMatch(/^1970-01-01T00:01:00Z +3 +price +12\.3 +2 +3 for 95 %$/m);
    expect(JSON.parse(json.stdout)).toEqual(why);
  });

  it("a pool shows what its shadows would have done, and draws their levels", async () => {
    const figures = {
      ...{ jobs: 40, served: 39, shareInTime: 0.95, meanWaitMs: 1_500, longestWaitMs: 61_000, idleHours: 2 },
      ...{ bootingHours: 0.5, busyHours: 3, stoppedHours: 0, launches: 41, unused: 2, costUsd: 0.55 },
    };
    const compared = {
      ...{ from: 0, to: 7_200_000, acting: figures, savedMs: 90_000, addedMs: 3_000 },
      shadow: { ...figures, shareInTime: 0.99999, idleHours: 4, costUsd: 0.75 },
    };
    const period = { ...compared, levels: [{ at: 0, level: 3 }], actingLevels: [{ at: 0, level: 1 }] };
    const later = { ...period, from: 3_600_000, levels: [1, 2, 5].map((level) => ({ at: 3_600_000 + level, level })) };
    const shadows: PoolShadows = {
      ...{ poolName: "small", policy: "static", level: 1 },
      shadows: [
        {
          ...{ name: "three", policy: "target", startedAt: 0, level: 3, why: "target: 3 for 95 %", idle: 2 },
          ...{ booting: 1, leased: 4, stopped: 0, waiting: 0, aimMs: 5_000, total: compared, periods: [period, later] },
        },
      ],
    };
    const folder = await mkdtemp(join(tmpdir(), "mayfly-shadow-"));
    try {
      const out = join(folder, "levels.svg");
      const args = ["pool", "show", "small", "--shadow"];

      const plain = await runAgainst({ poolShadows: async () => shadows }, [...args, "--out", out]);
      const json = await runAgainst({ poolShadows: async () => shadows }, [...args, "--json"]);
      const tiered = { ...figures, stoppedHours: 24 };
      const total = { ...compared, acting: tiered };
      const withStopped = { ...shadows, shadows: shadows.shadows.map((one) => ({ ...one, stopped: 3, total })) };
      const tier = await runAgainst({ poolShadows: async () => withStopped }, args);
      const none = await runAgainst({ poolShadows: async () => ({ ...shadows, shadows: [] }) }, args);
      const alone = await runAgainst({}, ["pool", "show", "small", "--out", out]);

      expect(plain.stdout).toMatch(/^shadow three \(target\) since 1970-01-01T00:00:00Z: 3 wished for, 2 idle/m);
      expect(plain.stdout).toMatch(/^acting +40 +95\.00 % +1\.5s +1m1s +2\.00 +0\.50 +3\.00 +41 +2 +\$0\.5500$/m);
      expect(tier.stdout).toMatch(/4 leased, 3 stopped, 0 waiting$/m);
      expect(tier.stdout).toMatch(/^acting .* +3\.00 +24\.00 +41 +2 +\$0\.5500$/m);
      expect(plain.stdout).toMatch(/^three +40 +99\.99 % .*\$0\.7500$/m);
      expect(plain.stdout).toContain(
        "three would have spared 1m30s of waiting and added 3.0s, for $0.2000 more than the acting static policy",
      );
      expect(plain.stdout).toMatch(/^1970-01-01T01:00:00Z +1-5 +1 +40 /m);
      expect(plain.stderr).toContain(`wrote ${out}`);
      expect(await readFile(out, "utf8")).toMatch(/^<svg .*[\s\S]*acting[\s\S]*three[\s\S]*<\/svg>\n$/);
      expect(JSON.parse(json.stdout)).toEqual(shadows);
      expect(none.stderr).toContain("pool small has no [[pool.shadow]] in its config");
      expect(alone).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("Expected --shadow beside it") });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("a file says what it would change, with the level of a new target, what a budget leaves, and the pool's own past", async () => {
    const folder = await mkdtemp(join(tmpdir(), "mayfly-diff-"));
    try {
      const path = join(folder, "mayfly.toml");
      await writeFile(path, TARGET_FILE);
      const ended = (at: number): LeaseView => ({
        lease: { ...endedLease(`l-${at}`), poolName: "small", createdAt: at, heldSince: at + 1, endedAt: at + 60_000 },
      });
      const leases = Array.from({ length: 60 }, (_, n) => ended(n * 600_000));
      const answers: Partial<Manager> = {
        pools: async () => [{ ...view, desired: pool({ cost: { usdPerHour: 0.1 } }) }],
        machines: async () => [],
        leases: async () => leases,
        diffConfig: async () => ({
          changes: [{ what: "value-changed", poolName: "small", key: "target.share", to: "0.95" }],
          needsRestart: [],
          pools: [
            {
              ...{ poolName: "small", launched: 2, retired: 0, finishing: 0, idleUsdPerDayBefore: 2.4 },
              ...{ levelAfter: 3, budget: "budget_per_day ($5.00): $1.00 spent since midnight UTC" },
            },
          ],
          overall: { machines: 7, before: 100, after: 5 },
        }),
      };
      await using served = await serveManager(answers);
      const args = ["--socket", served.socketPath, "config", "diff", path];

      const plain = await runCli(args);
      const json = await runCli([...args, "--json"]);
      leases.length = 3;
      const young = await runCli(args);

      expect(plain.exitCode).toBe(1);
      expect(plain.stdout).toMatch(/^POOL .* TARGET NOW +BEFORE$/m);
      expect(plain.stdout).toMatch(/^small +2 +0 +0 +- +\$2\.40 +3 +-$/m);
      expect(plain.stdout).toContain("pool small: budget_per_day ($5.00): $1.00 spent since midnight UTC\n");
      expect(plain.stdout).toContain("none launched before 2 of them are gone\n");
      expect(plain.stdout).toMatch(/^small +60 +0\.4 +within 1\.0s +\d/m);
      expect(plain.stdout).toMatch(
        /^pool small: the jobs alone of 0 of 1 days cost more than budget_per_day, and the longest wait would have been \S+$/m,
      );
      expect(JSON.parse(json.stdout)).toMatchObject({
        overall: { after: 5 },
        expected: [{ poolName: "small", jobs: 60, before: { share: 1 }, after: { usdPerDay: expect.any(Number) } }],
      });
      expect(young.stdout).toContain(
        "pool small: its past has 3 jobs that are known, and 20 over six hours are the least",
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("a job says why it waits, after what happened to it", async () => {
    const jobId = jobIdFrom("j-0");
    const answers: Partial<Manager> = {
      job: async () => waitingJob("j-0"),
      jobEvents: async () => [{ at: 1000, jobId, what: "job accepted", detail: "by run" }],
      jobWhy: async () => ({
        jobId,
        waitedMs: 9_000,
        parts: { boot: 9_000 },
        why: "it has waited 9.0 s: 9.0 s for a boot",
      }),
      leases: async () => [{ ...waitingView, lease: { ...waitingView.lease, jobId } }],
    };

    const plain = await runAgainst(answers, ["job", "why", "j-0"]);
    const json = await runAgainst(answers, ["job", "why", "j-0", "--json"]);

    expect(plain.stdout).toBe(
      "1970-01-01T00:00:01Z  job accepted: by run\nwaits: all 4 machines are leased\nwait: it has waited 9.0 s: 9.0 s for a boot\njob j-0 (j-0): waiting\n",
    );
    expect(JSON.parse(json.stdout)).toMatchObject({
      why: "all 4 machines are leased",
      waited: { parts: { boot: 9_000 } },
      events: [{ what: "job accepted" }],
    });
  });
});

describe("a lease", () => {
  it("is waited for, renewed meanwhile, and printed when it is held", async () => {
    const calls: unknown[] = [];
    const waiting: LeaseView = { ...waitingView, lease: { ...waitingView.lease, ttlMs: 90_000 } };
    const answers: Partial<Manager> = {
      acquireLease: async (request) => {
        calls.push(request);
        return waiting;
      },
      awaitLease: async (id, waitMs, knownWhy) => {
        calls.push([id, waitMs, knownWhy]);
        return calls.length < 4 ? waiting : heldView;
      },
      renewLease: async (id) => {
        calls.push(["renewed", id]);
        return waiting;
      },
    };

    const { exitCode, stdout, stderr } = await runAgainst(answers, [
      ...["lease", "acquire", "--pool", "small", "--ttl", "90s", "--wait", "10m", "--holder", "me"],
    ]);

    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^lease +l-1\nstate +held$/m);
    expect(stderr).toBe("mayfly: waiting: all 4 machines are leased\n");
    expect(calls).toEqual([
      { poolName: "small", holder: "me", ttlMs: 90_000, waitTimeoutMs: 600_000 },
      ["l-1", 30_000, "all 4 machines are leased"],
      ["renewed", "l-1"],
      ["l-1", 30_000, "all 4 machines are leased"],
    ]);
  });

  it("that came to nothing in time ends with 3 and the reason, and is given back", async () => {
    const released: unknown[] = [];
    const ended: LeaseView = { lease: { ...endedLease("l-1"), outcome: "wait-timeout" } };

    const { exitCode, stderr } = await runAgainst(
      {
        acquireLease: async () => waitingView,
        awaitLease: async () => ended,
        releaseLease: async (id) => {
          released.push(id);
          return ended;
        },
      },
      ["lease", "acquire", "--pool", "small", "--wait", "5s"],
    );

    expect(exitCode).toBe(3);
    expect(stderr).toContain("mayfly: no machine came within 5s: all 4 machines are leased\n");
    expect(released).toEqual(["l-1"]);
  });

  it("is given back when its waiting is interrupted", async () => {
    const released = Promise.withResolvers<unknown>();

    const { exitCode } = await runAgainst(
      {
        acquireLease: async () => waitingView,
        awaitLease: () => new Promise(() => undefined),
        releaseLease: async (id) => {
          released.resolve(id);
          return { lease: endedLease("l-1") };
        },
      },
      ["lease", "acquire", "--pool", "small"],
      { onStart: (child) => child.stderr?.once("data", () => child.kill("SIGINT")) },
    );

    expect(exitCode).toBe(130);
    expect(await released.promise).toBe("l-1");
  });

  it.each(["renew", "release"])("can be told to %s", async (verb) => {
    const asked: unknown[] = [];
    const answer = async (id: unknown): Promise<LeaseView> => {
      asked.push(id);
      return heldView;
    };

    const { stdout } = await runAgainst({ [`${verb}Lease`]: answer }, ["lease", verb, "l-1", "--json"]);

    expect(asked).toEqual([leaseIdFrom("l-1")]);
    expect(JSON.parse(stdout)).toEqual(heldView);
  });
});

describe("a job's log", () => {
  it("is printed byte by byte as it is", async () => {
    const { exitCode, stdout } = await runAgainst(
      {
        async *jobLog(_id, _offset, follow) {
          yield Buffer.from(`follow ${follow}\r\u001b[1m`);
        },
      },
      ["job", "logs", "j-1"],
    );

    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "follow false\r\u001b[1m" });
  });

  it("is followed over a break until the job has ended", async () => {
    const offsets: number[] = [];
    const { exitCode, stdout } = await runAgainst(
      {
        job: async () => failedJob,
        awaitJob: async () => failedJob,
        async *jobLog(_id, offset) {
          offsets.push(offset);
          yield Buffer.from(offset === 0 ? "first " : "second");
          if (offset === 0) throw new Error("cut");
        },
      },
      ["job", "logs", "-f", "j-1"],
    );

    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "first second" });
    expect(offsets).toEqual([0, 6]);
  });

  it("may be cut short by its reader without an internal error", async () => {
    const endless: Partial<Manager> = {
      async *jobLog() {
        for (;;) yield Buffer.alloc(2 ** 16, "x");
      },
    };
    await using served = await serveManager(endless);
    const pipeline = `"$0" "$1" job logs j-1 --socket "$2" | head -c 10`;

    const { stdout, stderr } = await promisify(execFile)("bash", [
      "-c",
      pipeline,
      process.execPath,
      CLI,
      served.socketPath,
    ]);

    expect({ stdout, stderr }).toEqual({ stdout: "xxxxxxxxxx", stderr: "" });
  });
});
