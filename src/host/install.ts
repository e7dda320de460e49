import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { SystemError } from "../domain/errors.ts";
import type { ProgressStep } from "../ports/progress.ts";
import type { HostFacts } from "./facts.ts";
import { installCommands, missingRequirements } from "./requirements.ts";
import type { Requirement } from "./requirements.ts";

/** Installing a handful of packages over a slow line. */
const INSTALL_DEADLINE_MS = 20 * 60_000;

/**
 * Installs what the host lacks with apt-get, as root or through sudo without a question.
 * @throws SystemError `packages-missing` with the exact commands where it may not or cannot do so by itself.
 */
export async function installMissing(
  facts: HostFacts,
  requirements: readonly Requirement[],
  step: ProgressStep,
  signal: AbortSignal,
): Promise<void> {
  const missing = missingRequirements(requirements, facts.has);
  const packages = [...new Set(missing.map((requirement) => requirement.debianPackage))];
  if (packages.length === 0) return step.skip("all there");
  const commands = installCommands(packages, facts.isRoot);
  const byHand = (why: string): SystemError =>
    new SystemError(
      "packages-missing",
      `${why}; run these, then try again:\n${commands.map((c) => `  ${c}`).join("\n")}`,
    );
  if (!facts.isDebianLike) {
    throw new SystemError(
      "packages-missing",
      `this is ${facts.osName}, not Debian or Ubuntu: install the programs ${missing.map(({ program }) => program).join(", ")} by its own means. On Debian or Ubuntu it would be:\n${commands.map((c) => `  ${c}`).join("\n")}`,
    );
  }
  if (!facts.isRoot && !facts.has("sudo"))
    throw byHand(`${packages.join(", ")} must be installed, and there is no sudo`);
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(INSTALL_DEADLINE_MS)]);
  for (const command of commands) {
    const failure = await runVisibly(command, facts.env, step, bounded);
    signal.throwIfAborted();
    if (failure !== undefined) throw byHand(`\`${command}\` failed (${failure})`);
  }
  step.done(packages.join(", "));
}

/** Runs a command and shows its last line; answers what went wrong, if anything did. */
async function runVisibly(
  command: string,
  env: NodeJS.ProcessEnv,
  step: ProgressStep,
  signal: AbortSignal,
): Promise<string | undefined> {
  // `sudo -n` never asks: a question in the middle of a progress display would go unseen.
  const [program = "", ...args] = command.replace(/^sudo /, "sudo -n ").split(" ");
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...env, DEBIAN_FRONTEND: "noninteractive" },
    signal,
  });
  let last = "";
  const show = async (stream: NodeJS.ReadableStream): Promise<void> => {
    for await (const line of createInterface({ input: stream })) {
      last = line;
      step.update(line);
    }
  };
  const exit = new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code) => resolve(code === 0 ? undefined : `exit code ${code}: ${last}`));
  });
  await Promise.all([show(child.stdout), show(child.stderr)]);
  return exit;
}
