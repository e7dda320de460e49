import { Option } from "commander";
import type { Command } from "commander";
import { contextOf } from "./context.ts";
import type { PlanOptions } from "./plan/options.ts";

const HELP = `
Policies, as often as wanted:
  static:3                       so many idle machines, always
  scale_factor:0.5,min=1,max=20  so many for each machine in use (GitLab's IdleScaleFactor)
  target:wait=5s,share=0.95      whatever it takes for that share of jobs to wait no longer
  config                         what the config says of the pool

Beside them stand four that know the arrivals beforehand: the best constant count, the best IdleScaleFactor, the best
count for each hour of the week, and who knows the true rate of every hour.

Traces, gzipped or not: CSV with ready_at and duration, GitLab's jobs as CSV or as its API's JSON, SWF, counts by the minute.

Examples:
  mayfly plan --trace jobs.csv --policy static:3 --policy target:wait=5s,share=0.95
  mayfly plan --trace jobs.json.gz --boot 45s,60s,90s --from 2026-10-01 --out report
  mayfly plan --history --policy config
  mayfly plan --history --pool small --recommend --wait 5s --share 95%
  mayfly plan --trace jobs.csv --sizing --quota 256 --vcpus 4`;

const gather = (value: string, before: readonly string[]): string[] => [...before, value];

/** Adds `mayfly plan`. */
export function addPlanCommand(program: Command): void {
  program
    .command("plan")
    .description("replay recorded jobs: how long they would have waited, and what it would have cost")
    .option("--trace <file>", "recorded jobs")
    .option("--history", "the jobs that this mayfly has run: those of the daemon, or of the state directory")
    .option("--policy <policy>", "what to try, see below (again for more)", gather, [])
    .option(
      "--pool <name>",
      "the pool whose limits and price count (else none; for `config` and --history the only one)",
    )
    .option(
      "--boot <durations>",
      "from order to ready machine; several are drawn from (with --history: as measured; else 60s)",
    )
    .option("--wait <duration>", "a job is in time when it waited no longer (else the first target's; 5s)")
    .option("--share <share>", "share of jobs that shall be in time (else the first target's; 0.95)")
    .option("--duration <duration>", "of jobs whose duration the trace does not say", "5m")
    .option("--from <instant>", "judge from here on; what came before may be learnt from")
    .option("--to <instant>", "judge up to here")
    .option("--idle-time <duration>", "a surplus machine is kept for so long (else the pool's; 20m)")
    .option("--max-machines <count>", "machines in any state (else the pool's; no limit)")
    .option("--growth <count>", "machines that boot at once (else the pool's; no limit)")
    .option("--price <usd>", "one machine for an hour, in US dollars (else the pool's)")
    .option("--out <dir>", "write pictures (SVG) and a page (HTML) there")
    .option("--recommend", "the settings that reach the goal at least cost, as a diff of the config's file")
    .option("--sizing", "how many machines the jobs would have taken, and how often max_machines or a quota is hit")
    .option("--quota <vcpus>", "with --sizing: a quota in vCPUs")
    .option("--vcpus <count>", "with --quota: vCPUs of one machine (else the pool's)")
    .addOption(
      new Option(
        "--engine <engine>",
        "loop: the manager's own control loop under a virtual clock, for the policies asked for",
      )
        .choices(["auto", "loop"])
        .default("auto"),
    )
    .addHelpText("after", HELP)
    .action(async (options: PlanOptions, command: Command) => {
      const { runPlan } = await import("./plan/run.ts");
      await runPlan(options, contextOf(command));
    });
}
