import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createApiClient } from "../../src/api/client.ts";
import type { Manager } from "../../src/ports/manager.ts";
import { buildSources } from "./built.ts";

/** What a manager with MACHINES idle machines must stay under, in bytes. */
export const MEMORY_GOAL_BYTES = 150_000_000;
/** Idle machines of the manager that is measured. */
export const MACHINES = 10;

const MANAGER = fileURLToPath(new URL("managerProcess.ts", import.meta.url));
/** Answers lines as the manager's process does, and is nothing else. */
const EMPTY = `console.log("ready"); require("readline").createInterface({ input: process.stdin })
  .on("line", () => console.log(process.memoryUsage.rss()))`;

/** A process whose memory is looked at. */
export interface MeasuredProcess extends AsyncDisposable {
  /** Resident memory now, in bytes. */
  residentBytes(): Promise<number>;
}

/** A manager with idle machines, in a process and a state directory of its own. */
export interface MeasuredManager extends MeasuredProcess {
  /** Speaks to it through its socket. */
  readonly client: Manager;
}

/** Starts a manager, bundled as it is published (to strip types takes memory of its own), and waits until all of its machines are idle. */
export async function startMeasuredManager(): Promise<MeasuredManager> {
  const stateDir = await mkdtemp(join(tmpdir(), "mayfly-memory-"));
  const built = await buildSources();
  const remove = async (): Promise<void> => {
    await built[Symbol.asyncDispose]();
    await rm(stateDir, { recursive: true, force: true });
  };
  try {
    const manager = await startMeasured([await built.add("manager", MANAGER), stateDir, String(MACHINES)]);
    return {
      residentBytes: manager.residentBytes,
      client: createApiClient(join(stateDir, "mayfly.sock")),
      async [Symbol.asyncDispose]() {
        await manager[Symbol.asyncDispose]();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Starts a Node process that does nothing: the floor under every other. */
export function startEmptyProcess(): Promise<MeasuredProcess> {
  return startMeasured(["-e", EMPTY]);
}

/** Starts a process that answers each line with its resident bytes; resolves once it has said that it is ready. */
export async function startMeasured(args: readonly string[]): Promise<MeasuredProcess> {
  // In a group of its own: an interrupt from the terminal is the parent's, who ends it in order.
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"], detached: true });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`the measured process ended with ${String((await exited)[0])}`);
    return value;
  };
  await nextLine();
  return {
    async residentBytes() {
      child.stdin.write("\n");
      return Number(await nextLine());
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await exited;
    },
  };
}
