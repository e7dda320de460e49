import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { FleetDeps } from "../../src/pool/fleet.ts";
import type { Driver } from "../../src/ports/driver.ts";
import { planFaults } from "../../src/simulation/faults/plan.ts";
import { DAY_MS } from "../../src/simulation/world/day.ts";
import type { Broken } from "./modes/broken.ts";
import type { SimulateConsole } from "./modes/console.ts";
import { simulateCrashes } from "./modes/crash.ts";
import { simulateDays } from "./modes/days.ts";
import { optionsFrom } from "./modes/options.ts";

const MINUTES_MS = 600_000;

/** Takes what comes out of a mode; time passes with every look at it. */
function createConsole(isInterrupted = (): boolean => false, stepMs = 1_000) {
  const printed: string[] = [];
  const told: string[] = [];
  let now = 0;
  const host: SimulateConsole = {
    print: (line) => void printed.push(line),
    progress: (line) => void told.push(line),
    now: () => {
      now += stepMs;
      return now;
    },
    isInterrupted,
    commit: "0123456789ab",
  };
  return { host, printed, told };
}

const broken = ({ printed }: { printed: readonly string[] }): Broken[] =>
  (JSON.parse(printed[0] ?? "") as { broken: Broken[] }).broken;

/** Runs what a command line says, with broken ports. */
async function run(
  args: string,
  portsOf?: (ports: FleetDeps) => FleetDeps,
): Promise<ReturnType<typeof createConsole> & { code: number }> {
  const out = createConsole();
  const options = optionsFrom(args.split(" "));
  const code = await (options.mode === "days"
    ? simulateDays(options, out.host, portsOf)
    : simulateCrashes(options, out.host, portsOf));
  return { ...out, code };
}

const argsOf = (replay: string): string => replay.replace("npm run simulate -- ", "");

/** A manager that takes every termination for done, whatever the provider answers. */
const trustTerminations = (ports: FleetDeps): FleetDeps => {
  const trusting = (driver: Driver): Driver => ({
    ...driver,
    terminate: (ids, signal) => driver.terminate(ids, signal).catch(() => undefined),
  });
  return { ...ports, drivers: new Map([...ports.drivers].map(([name, driver]) => [name, trusting(driver)])) };
};

const refusedAtMs = (seed: number): number =>
  planFaults(seed, DAY_MS).find(({ kind, rate }) => kind === "terminate-refused" && rate > 0.8)?.atMs ?? Infinity;

/** A manager that forgets at its start what it had asked for and got no answer to. */
const forgetRequests = (ports: FleetDeps): FleetDeps => ({
  ...ports,
  store: {
    ...ports.store,
    liveMachines: async () => (await ports.store.liveMachines()).filter(({ state }) => state !== "requested"),
  },
});

describe("a day with a broken promise", () => {
  /** Days with terminations refused early on: what comes before a promise breaks is lived through again and again. */
  const candidates = Array.from({ length: 200 }, (_, index) => index + 1)
    .map((seed) => ({ seed, atMs: refusedAtMs(seed) }))
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(({ seed }) => seed);
  /** The first day on which a termination is refused in fact. */
  const firstBroken = async (): Promise<Awaited<ReturnType<typeof run>> & { seed: number }> => {
    for (const seed of candidates) {
      const out = await run(`--seed ${seed} --json`, trustTerminations);
      if (out.code !== 0) return { ...out, seed };
    }
    throw new Error("no termination was ever refused");
  };

  it("is told with its fewest faults, the machine's timeline and a command that shows it again", {
    timeout: MINUTES_MS,
  }, async () => {
    const { seed, ...first } = await firstBroken();
    const [found] = broken(first);

    expect(first.code).toBe(1);
    expect(found).toMatchObject({ seed, commit: "0123456789ab", isMinimal: true, violation: { invariant: "I2" } });
    expect(found?.violation.text).toContain("is stored as terminated, but");
    const kinds = found?.faults.map(({ kind }) => kind) ?? [];
    expect(kinds.length).toBeLessThan(5);
    expect(kinds.some((kind) => ["terminate-refused", "terminate-lost", "calls-throttled"].includes(kind))).toBe(true);
    const machineId = found?.violation.about ?? "";
    expect(machineId).toMatch(/^m-/);
    const befallen = found?.timeline.filter(({ about }) => about.includes(machineId)).map(({ what }) => what);
    expect(befallen).toEqual(
      expect.arrayContaining([
        expect.stringContaining("stored: requested"),
        "instance launched",
        expect.stringContaining("stored: terminating to terminated"),
        expect.stringContaining("BROKEN I2"),
      ]),
    );

    const again = await run(`${argsOf(found?.replay ?? "")} --json`, trustTerminations);
    expect(again.code).toBe(1);
    expect(broken(again)[0]?.violation).toEqual(found?.violation);
    expect(broken(again)[0]?.faults).toEqual(found?.faults);

    const text = (await run(argsOf(found?.replay ?? ""), trustTerminations)).printed.join("\n");
    expect(text).toMatch(
      new RegExp(`^seed ${seed} at commit 0123456789ab breaks I2 after [0-9.]+ s: ${machineId} is stored`),
    );
    expect(text).toContain(`${kinds.length} faults, the shortest list that still breaks it:`);
    expect(text).toMatch(/\n {2}fault \d+: [a-z-]+ at [0-9.]+ s/);
    expect(text).toContain(`\n  what befell ${machineId}:\n`);
    expect(text).toContain(`\n  again: ${found?.replay}\n`);
    expect(text).toContain("1 days with a broken promise");

    const mended = await run(argsOf(found?.replay ?? ""));
    expect(mended.code).toBe(0);
  });
});

describe("a crash with a broken promise", () => {
  it("is told with the place of the kill, the timeline and a command that shows it again", {
    timeout: MINUTES_MS,
  }, async () => {
    const first = await run("--crash --json", forgetRequests);
    const [found] = broken(first);

    expect(first.code).toBe(1);
    expect(found?.killedAt).toEqual([expect.stringMatching(/^call \d+, (before|after) [a-z]+\.[a-zA-Z]+$/)]);
    expect(found?.timeline.map(({ what }) => what)).toContain("manager died");

    const again = await run(`${argsOf(found?.replay ?? "")} --json`, forgetRequests);
    expect(again.code).toBe(1);
    expect(broken(again)[0]?.violation).toEqual(found?.violation);
    expect((await run(argsOf(found?.replay ?? ""))).code).toBe(0);
  });
});

describe("the summary", () => {
  it("names hours, jobs, faults by kind, kills and speed", { timeout: MINUTES_MS }, async () => {
    const { host, printed, told } = createConsole(() => false, 6_000);

    const code = await simulateDays({ mode: "days", provider: "simulated", seeds: 3, from: 1, isJson: false }, host);

    expect(code).toBe(0);
    const text = printed.join("\n");
    expect(text).toMatch(
      /^3 days, \d+ machine-hours, \d+ machines, \d+ jobs \(\d+ served\), \d+ kills of the manager, \d+ port calls\n/,
    );
    expect(text).toMatch(/\n +\d+ [a-z]+-[a-z-]+\n/);
    expect(text).toMatch(/\n0 days with a broken promise; [0-9.]+ days a second, \d+ s in all$/);
    expect(told.join("\n")).toMatch(/of 3 days, 0 broken, [0-9.]+ a second, \d+ s left/);
  });

  it("comes at Ctrl-C for what has been done so far", { timeout: MINUTES_MS }, async () => {
    let looks = 0;
    const { host, printed } = createConsole(() => {
      looks += 1;
      return looks > 2;
    });

    const code = await simulateDays(
      { mode: "days", provider: "simulated", seeds: 1_000, from: 1, isJson: false },
      host,
    );

    expect(code).toBe(130);
    expect(printed[0]).toMatch(/^[12] days, /);
  });
});

describe("the command", () => {
  const start = (...args: string[]) => {
    const script = fileURLToPath(new URL("simulate.ts", import.meta.url));
    const child = spawn(process.execPath, [script, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: MINUTES_MS,
    });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const)
      child[name].setEncoding("utf8").on("data", (text: string) => {
        output[name] += text;
      });
    return { child, output };
  };

  it("ends with a summary at a real Ctrl-C", { timeout: MINUTES_MS }, async () => {
    const { child, output } = start("--seeds", "100000", "--calm");
    await once(child.stderr, "data");

    child.kill("SIGINT");
    const [code] = await once(child, "close");

    expect(code).toBe(130);
    expect(output.stdout).toMatch(/\d+ days, \d+ machine-hours/);
  });

  it("kills the manager at the calls of its EC2 driver when it is told so", { timeout: MINUTES_MS }, async () => {
    const { code, printed } = await run("--crash --at 17 --provider ec2 --json");

    expect(code).toBe(0);
    const { callsByPort } = JSON.parse(printed[0] ?? "") as { callsByPort: Record<string, number> };
    expect(callsByPort["ec2.CreateFleet"]).toBeGreaterThan(0);
  });

  it("names the faults of an EC2 day and the calls of its driver", { timeout: MINUTES_MS }, async () => {
    const { code, printed } = await run("--seed 3 --provider ec2 --json");

    expect(code).toBe(0);
    expect(JSON.parse(printed[0] ?? "")).toMatchObject({
      mode: "days",
      days: 1,
      faults: expect.objectContaining({}),
      callsByPort: expect.objectContaining({ "ec2.CreateFleet": expect.any(Number) }),
    });
  });

  it("prints nothing but JSON with --json", { timeout: MINUTES_MS }, async () => {
    const { child, output } = start("--crash", "--at", "17", "--json");
    const [code] = await once(child, "close");

    expect(code).toBe(0);
    expect(JSON.parse(output.stdout)).toMatchObject({ mode: "crash", runs: 1, kills: 1, broken: [] });
  });

  it.each([
    [["--seeds", "0"], 'Expected --seeds to be a whole number ≥ 1, got "0"'],
    [["--faults", "1,x"], 'Expected --faults to be a whole number ≥ 0, got "x"'],
    [["--provider", "ec3"], 'Expected --provider to be simulated or ec2, got "ec3"'],
    [["--pairs"], "--pairs says nothing without --crash"],
    [["--crash", "--seeds", "3"], "--seeds says nothing with --crash"],
    [["--crash", "--shard", "3/2"], 'Expected --shard to be I/N with I ≤ N, got "3/2"'],
    [["--seed", "3", "--from", "4"], "--seed is one day"],
  ])("refuses %j in one sentence", (args, sentence) => {
    expect(() => optionsFrom(args)).toThrow(sentence);
  });
});
