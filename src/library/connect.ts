import { homedir } from "node:os";
import { resolve } from "node:path";
import { createApiClient } from "../api/client.ts";
import { createReconnectingManager } from "../api/reconnect.ts";
import { loadConfig } from "../config/load.ts";
import { systemClock as clock } from "../daemon/clock.ts";
import { systemRandom as random } from "../daemon/random.ts";
import type { Manager } from "../ports/manager.ts";
import { acquire } from "./acquire.ts";
import type { AcquireOptions } from "./acquire.ts";
import type { HeldLease } from "./heldLease.ts";

/** How long a daemon that goes away is waited for unless said otherwise, in milliseconds: as the command line does. */
const RECONNECT_MS = 120_000;

/** Which daemon, and how patiently. */
export interface ConnectOptions {
  /** The daemon's unix socket. @default MAYFLY_SOCKET, else that of the config which the command line would use */
  readonly socket?: string | undefined;
  /** How long a daemon that goes away, for a restart say, is waited for, in milliseconds, ≥ 0. @default 120,000 */
  readonly reconnectMs?: number | undefined;
  /** Told once when the daemon is away, and once when it is back. */
  readonly onAway?: ((text: string) => void) | undefined;
}

/** A mayfly daemon, as another program uses it. It holds no connection open between calls. */
export interface Mayfly {
  /**
   * Waits for a machine and holds it, until it is released; it is renewed by itself meanwhile.
   * @throws ConfigError for an unknown pool or wrong option; ConflictError when the pool gives no leases; CapacityError
   * with the reason when no machine came in time; the signal's reason when it aborts, the lease then given back.
   */
  acquire(options: AcquireOptions): Promise<HeldLease>;
  /** All else that a daemon can be asked. */
  readonly manager: Manager;
}

/**
 * Finds the daemon of this host.
 * @throws SystemError `no-daemon` when none answers at the socket; ConfigError from the config that should have named it.
 */
export async function connect(options: ConnectOptions = {}): Promise<Mayfly> {
  const { socket, reconnectMs = RECONNECT_MS, onAway = () => undefined } = options;
  const client = createApiClient(socket === undefined ? await socketOfHost() : resolve(socket));
  const manager =
    reconnectMs === 0
      ? client
      : createReconnectingManager(client, { timeoutMs: reconnectMs, clock, random, tell: onAway });
  await manager.health();
  return { manager, acquire: (wanted) => acquire({ manager, clock }, wanted) };
}

/** Finds the socket as the command line does. The only place of the library that reads the process. */
async function socketOfHost(): Promise<string> {
  const { env } = process;
  const cwd = process.cwd();
  const named = env["MAYFLY_SOCKET"];
  if (named !== undefined && named !== "") return resolve(cwd, named);
  const surroundings = { env, cwd, homeDir: homedir(), isRoot: process.geteuid?.() === 0 };
  return (await loadConfig(undefined, surroundings)).config.api.socket;
}
