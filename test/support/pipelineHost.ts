import type { ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { PipelineReport } from "../../src/ci/report.ts";
import type { DockerMode } from "../../src/domain/pool.ts";
import { findProcesses } from "../../src/drivers/qemu/processes.ts";
import { runCli } from "./cli.ts";
import { EXAMPLES, PATIENCE } from "./exampleJob.ts";
import { linesFrom } from "./exampleOutput.ts";

/** What one `mayfly ci` is to do. */
export interface PipelineCall {
  /** Name of one of the examples. */
  readonly file: string;
  /** How jobs get Docker. */
  readonly docker: DockerMode;
  /** @default all jobs of the file */
  readonly jobs?: readonly string[];
  /** Machines at a time. @default 2 */
  readonly machines?: number;
}

/** What one `mayfly ci --json` did. */
export interface PipelineRun {
  readonly exitCode: number | null;
  readonly report: PipelineReport;
  /** All that it said beside the report, for messages. */
  readonly stderr: string;
  /** The lines of a job's log, without colours. */
  logOf(jobName: string): string[];
  /** The lines that one command of a job printed. */
  outputOf(jobName: string, command: string): string[];
  /** All that a job's own scripts printed, as records have it. */
  scriptOutputOf(jobName: string): string[];
}

/** A host whose pipelines run on real machines, with a manager of its own in each call. */
export interface PipelineHost {
  run(call: PipelineCall): Promise<PipelineRun>;
  /** Folders and processes of machines that are there now. */
  leftovers(): Promise<string[]>;
  /** Ends and erases everything. */
  close(): Promise<void>;
}

export interface PipelineHostOptions {
  readonly imagesDir: string;
  /** Name of the guest image. */
  readonly image: string;
  readonly registryMirror: string;
}

/** Prepares a host in a temporary folder. */
export async function createPipelineHost(options: PipelineHostOptions): Promise<PipelineHost> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-pipelines-"));
  const stateDirs: string[] = [];
  const running = new Map<ChildProcess, Promise<unknown>>();

  return {
    async run(call) {
      // Two managers at once cannot share a state directory.
      const stateDir = join(folder, String(stateDirs.length));
      stateDirs.push(stateDir);
      await mkdir(stateDir);
      await symlink(options.imagesDir, join(stateDir, "images"));
      const config = join(stateDir, "mayfly.toml");
      await writeFile(config, configText(stateDir, call, options));
      const jobs = (call.jobs ?? []).flatMap((job) => ["--job", job]);
      const variables = Object.entries(PATIENCE).flatMap(([name, value]) => ["--variable", `${name}=${value}`]);
      const args = ["ci", join(EXAMPLES, call.file), "--json", "--config", config, ...jobs, ...variables];
      const onStart = (child: ChildProcess): void => {
        running.set(child, new Promise((resolve) => child.once("close", resolve)));
      };
      const { exitCode, stdout, stderr } = await runCli(args, { onStart });
      if (stdout === "") throw new Error(`mayfly ci ended with ${exitCode} and no report:\n${stderr}`);
      return runFrom(exitCode, JSON.parse(stdout) as PipelineReport, stderr);
    },
    async leftovers() {
      const each = await Promise.all(stateDirs.map((stateDir) => leftoversOf(join(stateDir, "qemu"))));
      return each.flat();
    },
    async close() {
      // An interrupted call ends its own machines.
      for (const child of running.keys()) child.kill("SIGINT");
      await Promise.all(running.values());
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What mayfly says between a job's scripts, and after them. */
const MAYFLYS = /^(Running after script\.\.\.|Job succeeded)$/;

/** One shape for all, and that of the other tests with this image: machines of each shape wait for a template of theirs to boot. */
function configText(stateDir: string, call: PipelineCall, { image, registryMirror }: PipelineHostOptions): string {
  const machines = call.machines ?? 2;
  return `name = "pipelines"
state_dir = ${JSON.stringify(stateDir)}
max_machines = ${machines}

[[pool]]
name = "${call.docker}"
max_machines = ${machines}
boot_timeout = "10m"

[pool.guest]
docker = "${call.docker}"
registry_mirror = "${registryMirror}"

[pool.qemu]
image = "${image}"
cpus = 1
memory = "2GiB"
disk = "10GiB"
`;
}

function runFrom(exitCode: number | null, report: PipelineReport, stderr: string): PipelineRun {
  const lines = stripVTControlCharacters(stderr).split(/\r?\n/);
  const logOf = (jobName: string): string[] =>
    lines.filter((line) => line.startsWith(`[${jobName}] `)).map((line) => line.slice(jobName.length + 3));
  return {
    ...{ exitCode, report, stderr, logOf },
    outputOf(jobName, command) {
      const log = logOf(jobName);
      const from = log.indexOf(`$ ${command}`) + 1;
      if (from === 0) return [];
      const length = log.slice(from).findIndex((line) => /^(\$ |Running after script|Job )/.test(line));
      return log.slice(from, length === -1 ? undefined : from + length);
    },
    scriptOutputOf(jobName) {
      const log = logOf(jobName);
      const own = log.slice(log.findIndex((line) => line.startsWith("$ ")));
      return linesFrom(own.filter((line) => !MAYFLYS.test(line)).join("\n"));
    },
  };
}

async function leftoversOf(root: string): Promise<string[]> {
  const folders = await readdir(root).catch(() => []);
  const processes = [...(await findProcesses(root)).values()];
  return [...folders, ...processes.map(({ pid }) => `process ${pid}`)];
}
