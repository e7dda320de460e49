import { createReadStream } from "node:fs";
import { SystemError, TransientError } from "../../domain/errors.ts";
import type { LeaseId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import { quoteForShell } from "../../jobs/script.ts";
import { AS_ROOT, runOnMachine } from "../../jobs/workspace.ts";
import type { Channel } from "../../ports/channel.ts";
import type { StageContext } from "./context.ts";
import { tellLine } from "./context.ts";
import type { JobResponse } from "./jobResponse.ts";

/** The runner's own program for caches and artifacts, on the runner's host. */
export interface RunnerHelper {
  readonly path: string;
  readonly sizeBytes: number;
  /** Whether the operator named it, who is to hear when it cannot be had. */
  readonly isNamed: boolean;
}

/** The name that scripts call it by, for every executor but Docker's. */
const NAME = "gitlab-runner";
const FOLDER = "/usr/local/bin";
/** How often a copy is tried that breaks off with the manager. */
const MAX_TRIES = 3;

/** Tells whether scripts of the job call the runner's program. A runner that hands on no whole job may have such scripts. */
export function doesNeedHelper(response: JobResponse | undefined): boolean {
  if (response === undefined) return true;
  return [response.artifacts, response.cache, response.dependencies].some((list) => (list?.length ?? 0) > 0);
}

/**
 * Copies the runner's program onto the job's machine, unless it is there. Without one, or with one that does not run there,
 * the runner's scripts say themselves that they do without caches and artifacts.
 * @param folder on the machine. @default /usr/local/bin
 * @throws SystemError when a program that the operator named does not run on the machine.
 */
export async function provideHelper(
  job: Job,
  helper: RunnerHelper | undefined,
  context: StageContext,
  folder: string = FOLDER,
): Promise<void> {
  const { leaseId } = job;
  if (helper === undefined || leaseId === undefined) return;
  const program = `${folder}/${NAME}`;
  try {
    if ((await onMachine(leaseId, isThereCommand(program), undefined, context)) === "there\n") return;
    await tellLine(context, `copies ${helper.path} onto the machine`);
    await onMachine(leaseId, installCommand(program, helper.sizeBytes), helper.path, context);
  } catch (error) {
    if (helper.isNamed || !(error instanceof SystemError)) throw error;
    await tellLine(context, `does without ${helper.path}: ${error.message}`);
  }
}

const isThereCommand = (program: string): string =>
  `if command -v ${NAME} >/dev/null || [ -x ${quoteForShell(program)} ]; then echo there; fi`;

/** A copy that was cut short, or is for another kind of processor, is not left there. */
const installCommand = (program: string, sizeBytes: number): string => `${AS_ROOT}; copy=$(mktemp) && cat >"$copy" &&
if [ "$(stat -c %s -- "$copy")" != ${sizeBytes} ]; then echo "the copy was cut short" >&2; rm -f -- "$copy"; exit 1; fi
chmod 755 -- "$copy" && "$copy" --version >/dev/null </dev/null || { rm -f -- "$copy"; echo "it does not run there" >&2; exit 1; }
as_root install -D -m 755 -- "$copy" ${quoteForShell(program)} && rm -f -- "$copy"`;

async function onMachine(
  leaseId: LeaseId,
  command: string,
  file: string | undefined,
  { manager, cancel, orphaned }: StageContext,
): Promise<string> {
  const exec: Channel["exec"] = (...args) => manager.execOnLease(leaseId, ...args);
  const signal = AbortSignal.any([cancel, orphaned]);
  for (let tries = 1; ; tries += 1) {
    try {
      return await runOnMachine({ exec }, command, file === undefined ? undefined : createReadStream(file), signal);
    } catch (error) {
      if (!(error instanceof TransientError) || tries === MAX_TRIES) throw error;
      // Answers once a manager is there again.
      await manager.health();
    }
  }
}
