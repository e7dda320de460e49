import { once } from "node:events";
import { createServer } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A unix socket that plays a machine's dead-man's switch. */
export interface FakeSwitch {
  readonly socketPath: string;
  /** How often it was set back. */
  readonly timesSetBack: number;
  /** What it says from now on; undefined is nothing at all, without an end. @default "alive\n" */
  say(words: string | undefined): void;
  stop(): Promise<void>;
}

export async function startFakeSwitch(): Promise<FakeSwitch> {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-switch-"));
  const socketPath = join(folder, "alive.sock");
  let answer: string | undefined = "alive\n";
  let timesSetBack = 0;
  const server = createServer((socket) => {
    timesSetBack += 1;
    socket.on("error", () => {});
    if (answer !== undefined) socket.end(answer);
  }).listen(socketPath);
  await once(server, "listening");
  return {
    socketPath,
    get timesSetBack() {
      return timesSetBack;
    },
    say: (words) => {
      answer = words;
    },
    async stop() {
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
