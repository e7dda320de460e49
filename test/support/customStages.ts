import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import type { CommandContext } from "../../src/commands/context.ts";
import type { PrepareWords } from "../../src/commands/customExecutor.ts";
import { runCleanup, runConfig, runPrepare, runRun } from "../../src/commands/customExecutorRun.ts";
import type { WithRunner } from "../../src/commands/runnerSignals.ts";
import type { StageExit, StageInvocation, StartStage } from "./customRunnerCall.ts";

const PREPARE: PrepareWords = { ttl: "5s", wait: "1m", reconnect: "20s" };

/**
 * Starts stages within this process, each over a connection of its own: many of them cost little, and one that is killed
 * falls silent as a process does.
 * @param isDirect whether they look for the daemon at its own socket, where one that is away is not met at all.
 */
export function startInProcess(
  socketPath: string,
  words: Partial<PrepareWords> = {},
  isDirect: boolean = false,
): StartStage {
  return (invocation) => {
    const road = isDirect ? { path: socketPath, close: () => undefined } : openRoad(socketPath);
    const cancel = new AbortController();
    const killed = Promise.withResolvers<StageExit>();
    let isKilled = false;
    const exitCode = runVerb(invocation, road.path, words, cancel.signal, () => isKilled).finally(road.close);
    exitCode.catch(() => undefined);
    return {
      exited: Promise.race([exitCode.then((code) => ({ exitCode: code })), killed.promise]),
      kill(signal) {
        if (signal === "SIGKILL") {
          isKilled = true;
          road.close();
          killed.resolve({ exitCode: null });
        }
        cancel.abort(new Error(signal));
      },
    };
  };
}

async function runVerb(
  { verb, args, env, cwd, onStdout, onStderr }: StageInvocation,
  socketPath: string,
  words: Partial<PrepareWords>,
  cancel: AbortSignal,
  isKilled: () => boolean,
): Promise<number> {
  let exitCode = 0;
  const sink = (take: (bytes: Buffer) => void): NodeJS.WriteStream => {
    const stream = new PassThrough();
    stream.on("data", (bytes: Buffer) => {
      if (!isKilled()) take(bytes);
    });
    return stream as unknown as NodeJS.WriteStream;
  };
  const context: CommandContext = {
    ...{ configOption: undefined, isSocketNamed: true, isJson: false, env, cwd },
    ...{ stdin: process.stdin, stdout: sink(onStdout), stderr: sink(onStderr) },
    loadConfig: () => Promise.reject(new Error("no config here")),
    socketPath: async () => socketPath,
    setExitCode: (code) => {
      exitCode = code;
    },
  };
  const runner: WithRunner = (_clock, use) => use({ cancel, orphaned: new AbortController().signal });
  switch (verb) {
    case "config":
      await runConfig(context);
      break;
    case "prepare":
      await runPrepare({ ...PREPARE, ...words }, context, runner);
      break;
    case "run":
      await runRun(args[0] ?? "", args[1] ?? "", words.reconnect ?? PREPARE.reconnect, context, runner);
      break;
    default:
      await runCleanup(context, runner);
  }
  // What was written is with its reader by the next turn.
  await new Promise((resolve) => setImmediate(resolve));
  return exitCode;
}

/** A socket of one client's own that leads to the daemon's, and can be cut. */
function openRoad(socketPath: string): { readonly path: string; close(): void } {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-road-"));
  const path = join(folder, "sock");
  const sockets = new Set<Socket>();
  const server: Server = createServer((near) => {
    const far = connect(socketPath);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  server.listen(path);
  return {
    path,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
