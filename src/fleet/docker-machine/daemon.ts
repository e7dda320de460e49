import { askJson } from "../../api/ask.ts";
import { MayflyError } from "../../domain/errors.ts";
import type { Call } from "./call.ts";
import type { MayflyFacts } from "./machineFile.ts";
import { pause } from "./pause.ts";

/** How long a daemon that is not there is waited for: a restart takes a second or two. */
const AWAY_MS = 20_000;
const PAUSE_MS = 250;

/** Where the daemon of an existing machine is: as the environment says, else where it was when the machine was made. */
export const socketOf = ({ env }: Pick<Call, "env">, { Socket }: MayflyFacts): string => env["MAYFLY_SOCKET"] || Socket;

/** Whether an error says that nobody answered, or that whoever did is about to leave. */
export function isAway(error: unknown): boolean {
  return error instanceof MayflyError && ["no-daemon", "connection-lost", "manager-leaves"].includes(error.code);
}

/**
 * Asks the daemon, which may be restarting: it is waited for.
 * @param awayMs for how long, in milliseconds.
 * @throws what it answers; SystemError `no-daemon`.
 */
export async function askDaemon(
  { io }: Pick<Call, "io">,
  socketPath: string,
  method: "GET" | "POST",
  path: string,
  awayMs = AWAY_MS,
): Promise<unknown> {
  let awaySince: number | undefined;
  for (;;) {
    try {
      return await askJson(socketPath, { method, path });
    } catch (error) {
      if (!isAway(error)) throw error;
      if (awaySince === undefined) io.stderr.write(`no mayfly daemon answers at ${socketPath}, waits for it\n`);
      awaySince ??= performance.now();
      if (performance.now() - awaySince >= awayMs) throw error;
    }
    await pause(PAUSE_MS);
  }
}
