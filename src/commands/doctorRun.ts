import { systemClock } from "../daemon/clock.ts";
import { createLogger } from "../daemon/logger.ts";
import { systemRandom } from "../daemon/random.ts";
import { imagesDirOf } from "../daemon/start.ts";
import { ConfigError, SystemError } from "../domain/errors.ts";
import type { Config } from "../config/config.ts";
import type { Check } from "../host/check.ts";
import { checkEc2 } from "../host/checkEc2.ts";
import { checkHost } from "../host/checks.ts";
import { readHostFacts } from "../host/facts.ts";
import { installMissing } from "../host/install.ts";
import { requirementsFor } from "../host/requirements.ts";
import { inspectStore } from "../store/inspect.ts";
import { buildPoolImages } from "./buildImages.ts";
import { connectManager } from "./connect.ts";
import type { CommandContext } from "./context.ts";
import { checksFromHealth } from "./doctorDaemon.ts";
import { checkGitlabFiles } from "./doctorGitlab.ts";
import { checkMirror, mirrorRequirements } from "./doctorMirror.ts";
import { checkDockerMachine } from "./doctorDockerMachine.ts";
import { EXIT } from "./exit.ts";
import { withInterrupts } from "./interrupts.ts";
import { printJson, writeAll } from "./output.ts";
import { createProgressDisplay } from "./progress/display.ts";
import { mayflyVersion } from "./version.ts";

/** Looks at this host and the accounts of its pools, and prints what was seen; exit code 3 when machines cannot run yet. */
export async function runDoctor(
  shouldFix: boolean,
  poolName: string | undefined,
  context: CommandContext,
): Promise<void> {
  const loaded = await context.loadConfig();
  const { path } = loaded;
  const config = poolName === undefined ? loaded.config : narrowed(loaded.config, poolName);
  await withInterrupts(async ({ first: signal }) => {
    if (shouldFix) await fixHost(config, context, signal);
    const facts = readHostFacts(context.env);
    const checks: readonly Check[] = [
      { name: "system", status: "ok", detail: `${facts.osName}, Node ${process.version}` },
      { name: "config", status: "ok", detail: path ?? "no file: all values are defaults" },
      ...(await checkHost(facts, config, imagesDirOf(config.stateDir), signal)),
      ...(await checkMirror(config, facts)),
      ...(await checkGitlabFiles(config)),
      ...(await checkAccounts(config, context, signal)),
      ...(await checkDaemon(config.stateDir, context)),
      ...(await checkDockerMachine(context.env)),
    ];
    await printChecks(checks, context);
    if (checks.some((check) => check.status === "fail")) context.setExitCode(EXIT.system);
  });
}

/** The config with one pool alone. @throws ConfigError when there is none of that name. */
function narrowed(config: Config, poolName: string): Config {
  const pools = config.pools.filter(({ name }) => name === poolName);
  if (pools.length > 0) return { ...config, pools };
  const known = config.pools.map(({ name }) => name).join(", ");
  throw new ConfigError([{ place: "--pool", message: `there is no pool "${poolName}"; there are: ${known}` }]);
}

async function checkAccounts(
  { name, pools }: Config,
  { stderr }: CommandContext,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const deps = { clock: systemClock, random: systemRandom, logger: createLogger("silent", stderr) };
  const checks: Check[] = [];
  for (const pool of pools) checks.push(...(await checkEc2(name, pool, deps, signal)));
  return checks;
}

async function fixHost(config: Config, context: CommandContext, signal: AbortSignal): Promise<void> {
  const display = createProgressDisplay(context.stderr, () => systemClock.now());
  try {
    const facts = readHostFacts(context.env);
    const requirements = [...requirementsFor(facts), ...mirrorRequirements(config)];
    await installMissing(facts, requirements, display.step("Installing what is missing"), signal);
    await buildPoolImages(config, context, display, signal);
  } finally {
    display.close();
  }
}

async function checkDaemon(stateDir: string, context: CommandContext): Promise<readonly Check[]> {
  try {
    return checksFromHealth(await (await connectManager(context)).health(), systemClock.now());
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const detail = "none runs; `run` and `ci` start a manager of their own";
    return [{ name: "daemon", status: "ok", detail }, checkStore(stateDir)];
  }
}

function checkStore(stateDir: string): Check {
  const name = "store";
  try {
    const found = inspectStore(stateDir, `mayfly ${mayflyVersion()}`);
    return { name, status: "ok", detail: found === "none" ? "none yet" : `sound, in ${stateDir}` };
  } catch (error) {
    return { name, status: "fail", detail: error instanceof Error ? error.message : String(error) };
  }
}

const MARKS = { ok: "✔", warn: "!", fail: "✖" } as const;

async function printChecks(checks: readonly Check[], context: CommandContext): Promise<void> {
  if (context.isJson) return printJson(context, { checks });
  const width = Math.max(...checks.map(({ name }) => name.length));
  for (const { name, status, detail, fix } of checks) {
    await writeAll(context.stdout, `${MARKS[status]} ${name.padEnd(width)}  ${detail}\n`);
    if (fix !== undefined) await writeAll(context.stdout, `  ${" ".repeat(width)}  → ${fix}\n`);
  }
}
