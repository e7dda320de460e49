import type { Duplex } from "node:stream";
import { SystemError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DockerMachineRecords, DoorIdentity } from "../../ports/dockerMachines.ts";
import type { Logger } from "../../ports/logger.ts";
import type { Random } from "../../ports/random.ts";
import type { Identity } from "./certificates.ts";
import { openDoor } from "./door.ts";
import type { Door } from "./door.ts";

/** Outside of what Linux gives to outgoing connections by itself, so that none of them takes it while no manager listens. */
const FIRST_PORT = 20_000;
const PORTS = 12_000;
/** Ports that are tried before it is given up. */
const TRIES = 50;
/** Between tries to get the port back that URLs out there say. */
const RETRY_MS = 1_000;

export interface EntranceDeps {
  readonly records: DockerMachineRecords;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly open: (fingerprint: string, closed: AbortSignal) => Promise<Duplex> | undefined;
}

/** The one door to the engines of all machines, which opens with the first of them and keeps its port from manager to manager. */
export interface Entrance {
  /** Opens it where the machines of an earlier manager are told that it is. When somebody else has the port, it is waited for behind this. */
  reopen(): Promise<void>;
  /** Makes a client certificate for one machine. @throws SystemError `no-port` while there is nowhere to listen. */
  admit(subject: string): Promise<Admission>;
  /** Why it is not open; empty when it is. */
  problem(): string;
  close(): Promise<void>;
}

/** What a client needs to come through the door. */
export interface Admission extends Identity {
  readonly url: string;
  readonly caPem: string;
  readonly fingerprint: string;
}

/** Creates it, closed. */
export function createEntrance(deps: EntranceDeps): Entrance {
  const { records, clock, logger } = deps;
  const closing = new AbortController();
  let opening: Promise<DoorIdentity> | undefined;
  let door: Door | undefined;
  let problem = "";

  const openAt = async (identity: DoorIdentity): Promise<void> => {
    // What makes certificates is some 14 MB that a manager without docker-machine never needs.
    const { issueServer } = await import("./certificates.ts");
    const server = issueServer({ certPem: identity.caPem, keyPem: identity.caKeyPem }, clock.now());
    const opened = await openDoor({ ...deps, port: identity.port, caPem: identity.caPem, server });
    if (closing.signal.aborted) return opened.close();
    door = opened;
    logger.info({ port: identity.port }, "engines are spoken to on 127.0.0.1");
  };

  /** Nobody out there knows of an earlier port or authority: both are made anew. */
  const openAnew = async (): Promise<DoorIdentity> => {
    const { createAuthority } = await import("./certificates.ts");
    const ca = createAuthority(clock.now());
    const before = await records.identity();
    for (let tried = 0; tried < TRIES; tried += 1) {
      const port = tried === 0 && before !== undefined ? before.port : anyPort(deps.random);
      const identity = { port, caPem: ca.certPem, caKeyPem: ca.keyPem };
      try {
        await openAt(identity);
      } catch (error) {
        if (!isTaken(error)) throw error;
        continue;
      }
      await records.putIdentity(identity);
      return identity;
    }
    throw new SystemError("no-port", `no port of ${FIRST_PORT} to ${FIRST_PORT + PORTS - 1} on 127.0.0.1 is free`);
  };

  const openAgain = async (identity: DoorIdentity, onTaken: () => void): Promise<DoorIdentity> => {
    for (;;) {
      try {
        await openAt(identity);
        problem = "";
        return identity;
      } catch (error) {
        if (!isTaken(error)) throw error;
        if (problem === "") {
          problem = `port ${identity.port} on 127.0.0.1, where docker clients expect their machines, is taken`;
          logger.warn({ port: identity.port }, `${problem}: waits for it`);
          onTaken();
        }
        await clock.sleep(RETRY_MS, closing.signal);
      }
    }
  };

  return {
    problem: () => problem,
    async reopen() {
      const identity = await records.identity();
      if (identity === undefined) return;
      const taken = Promise.withResolvers<void>();
      opening = openAgain(identity, taken.resolve);
      const opened = opening.then(
        () => undefined,
        (err: unknown) => {
          if (!closing.signal.aborted) logger.error({ err }, "engines cannot be spoken to");
        },
      );
      await Promise.race([opened, taken.promise]);
    },
    async admit(subject) {
      if (problem !== "") throw new SystemError("no-port", problem);
      opening ??= openAnew().catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
      const { port, caPem, caKeyPem } = await opening;
      const { fingerprintOf, issueClient } = await import("./certificates.ts");
      const client = issueClient({ certPem: caPem, keyPem: caKeyPem }, subject, clock.now());
      return { ...client, caPem, url: `tcp://127.0.0.1:${port}`, fingerprint: fingerprintOf(client.certPem) };
    },
    async close() {
      closing.abort(new Error("the manager stops"));
      await door?.close();
    },
  };
}

const anyPort = (random: Random): number => FIRST_PORT + Math.floor(random.fraction() * PORTS);

const isTaken = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "EADDRINUSE";
