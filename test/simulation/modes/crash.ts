import { crashEverywhere, runCrash } from "../../../src/simulation/run/crash.ts";
import type { CrashOptions, CrashRun } from "../../../src/simulation/run/crash.ts";
import type { Kill } from "../../../src/simulation/run/portCalls.ts";
import type { DayOptions } from "../../../src/simulation/run/runDay.ts";
import { linesOf, timelineOf } from "./broken.ts";
import type { Broken } from "./broken.ts";
import { breathe, createProgress } from "./console.ts";
import type { SimulateConsole } from "./console.ts";
import type { CrashModeOptions } from "./options.ts";
import { optionOf, scenarioOf } from "./providers.ts";
import { addRun, createTally, jsonOf, tableOf } from "./tally.ts";
import type { Tally } from "./tally.ts";

/** So many broken runs are told in full; a bug that shows at every call would drown what it takes to understand it. */
const MOST_TOLD = 5;

/** Kills the manager at the port calls of the scripted scenario. Answers the exit code, as `simulateDays` does. */
export async function simulateCrashes(
  options: CrashModeOptions,
  host: SimulateConsole,
  portsOf?: DayOptions["portsOf"],
): Promise<number> {
  const { at, isJson, hasStopped, provider } = options;
  const ports: Ports = { hasStopped, portsOf, scenario: scenarioOf(provider) };
  const tally = createTally();
  const broken: Broken[] = [];
  let calm: CrashRun | undefined;
  let brokenCount = 0;
  const startedAt = host.now();
  const tell = createProgress(
    host,
    (seconds) => `${tally.runs} runs, ${brokenCount} broken, ${(tally.runs / seconds).toFixed(0)} runs a second`,
  );

  for await (const run of at === undefined ? crashEverywhere({ ...options, ...ports }) : only(at, ports)) {
    if (run.killAtCalls.length === 0) calm = run;
    addRun(tally, run.result);
    if (run.result.violations.length > 0) {
      brokenCount += 1;
      if (broken.length < MOST_TOLD) {
        const found = await explain(run, options, host, ports);
        broken.push(found);
        if (!isJson) for (const line of linesOf(found)) host.print(line);
      }
    }
    tell();
    await breathe();
    if (host.isInterrupted()) break;
  }

  const seconds = (host.now() - startedAt) / 1_000;
  if (isJson) host.print(jsonLine(tally, calm, broken, brokenCount, seconds, host));
  else for (const line of summaryOf(options, tally, calm, brokenCount, seconds)) host.print(line);
  return host.isInterrupted() ? 130 : brokenCount > 0 ? 1 : 0;
}

type Ports = Pick<CrashOptions, "hasStopped" | "portsOf" | "scenario">;

async function* only(at: readonly number[], ports: Ports): AsyncGenerator<CrashRun> {
  yield await runCrash(at, ports);
}

async function explain(
  { killAtCalls }: CrashRun,
  { hasStopped, provider }: CrashModeOptions,
  host: SimulateConsole,
  ports: Ports,
): Promise<Broken> {
  const { result } = await runCrash(killAtCalls, { keepsJournal: true, ...ports });
  const [violation] = result.violations;
  if (violation === undefined)
    throw new Error(`kills at ${killAtCalls.join(", ")} broke a promise once and keep it now`);
  return {
    ...{ commit: host.commit, killedAt: result.kills.map(placeOf), violation, faults: [], isMinimal: true },
    timeline: timelineOf(result),
    replay: `npm run simulate -- --crash${hasStopped ? " --stopped" : ""}${killAtCalls.length === 0 ? "" : ` --at ${killAtCalls.join(",")}`}${optionOf(provider)}`,
  };
}

const placeOf = ({ call, port, moment }: Kill): string => `call ${call}, ${moment} ${port}`;

function summaryOf(
  { hasPairs, limit, seed, shard }: CrashModeOptions,
  tally: Tally,
  calm: CrashRun | undefined,
  brokenCount: number,
  seconds: number,
): string[] {
  const part = shard.of === 1 ? "" : `, shard ${shard.index + 1} of ${shard.of}`;
  const which = !hasPairs ? "one kill each" : limit === undefined ? "every pair" : `${limit} pairs of seed ${seed}`;
  return [
    ...(calm === undefined
      ? []
      : [
          `scripted scenario: ${calm.result.portCallsOfDay} moments before and after port calls`,
          "answered port calls of the scenario, with what puts it to rest:",
          ...tableOf(calm.result.callsByPort),
        ]),
    `${tally.runs} runs (${which}${part}), ${tally.kills} kills of the manager, ${tally.portCalls} port calls`,
    "kills by place:",
    ...tableOf(tally.killsByPort),
    `${brokenCount} runs with a broken promise; ${(tally.runs / seconds).toFixed(0)} runs a second, ${seconds.toFixed(0)} s in all`,
  ];
}

const jsonLine = (
  tally: Tally,
  calm: CrashRun | undefined,
  broken: readonly Broken[],
  brokenCount: number,
  seconds: number,
  { commit }: SimulateConsole,
): string =>
  JSON.stringify({
    ...{ mode: "crash", commit, runs: tally.runs, scenarioMoments: calm?.result.portCallsOfDay, ...jsonOf(tally) },
    ...{ seconds, runsPerSecond: tally.runs / seconds, brokenRuns: brokenCount, broken },
  });
