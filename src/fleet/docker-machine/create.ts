import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import type { CreateLine } from "../../api/dockerMachines.ts";
import { errorFromBody } from "../../api/errors.ts";
import { openRequest, responseTo } from "../../api/request.ts";
import { errorFromSocket } from "../../api/socketErrors.ts";
import { DURATION_EXAMPLES, parseDuration } from "../../config/units.ts";
import { CapacityError, NotFoundError, TransientError } from "../../domain/errors.ts";
import type { DockerMachineRequest, ReadyDockerMachine } from "../../ports/dockerMachines.ts";
import type { Call } from "./call.ts";
import { askDaemon, isAway } from "./daemon.ts";
import { CREATE_FLAGS, isOfFamily, wishFrom, withoutEffect } from "./driverOptions.ts";
import { CallError } from "./errors.ts";
import { parseFlags } from "./flags.ts";
import type { Parsed } from "./flags.ts";
import { alreadyExists, writeMachine } from "./machineDirectory.ts";
import type { MachineFacts } from "./machineDirectory.ts";
import { directoryOf } from "./machineFile.ts";
import { pause } from "./pause.ts";
import { socketPathOf } from "./socketPath.ts";

/** A manager that has not answered yet is waited for as by every call; one that has is waited for as by `mayfly run`. */
const FIRST_AWAY_MS = 20_000;
const AWAY_MS = 120_000;
const PAUSE_MS = 250;
/** What ends a call before a machine was asked for. */
const PRECREATE = 3;

/**
 * `create --driver mayfly NAME`: leases a machine and writes its directory. The machine ends with this process, whatever ends it,
 * until the directory is there and the manager knows.
 */
export async function runCreate(call: Call): Promise<number> {
  const flags = parseFlags(call.args, CREATE_FLAGS, { takes: isOfFamily });
  const [name, ...more] = flags.words;
  if (name === undefined) throw new CallError("Error: No machine name specified");
  if (more.length > 0) throw new CallError(`Invalid command line. Found extra arguments ${JSON.stringify(more)}`);
  const driverName = driverOf(flags);
  if (existsSync(directoryOf(call, name))) throw alreadyExists(name);
  const facts = {
    ...{ name, driverName, labels: flags.values("engine-label") },
    socketPath: await socketPathOf(flags.value("mayfly-socket"), call),
  };
  const request: DockerMachineRequest = {
    ...{ name, storagePath: call.storagePath, key: randomUUID(), wish: wishFrom(flags, call.env) },
    waitTimeoutMs: timeoutFrom(flags.value("mayfly-timeout")),
  };

  call.say("Running pre-create checks...");
  const ignored = withoutEffect(flags);
  if (ignored.length > 0) call.say(`(${name}) without effect, with what decides instead: ${ignored.join(", ")}`);
  call.say("Creating machine...");
  const progress: Progress = { hasAnswered: false, hasBegun: false };
  try {
    await createPatiently(call, request, facts, progress);
  } catch (error) {
    if (progress.written !== undefined) await rm(directoryOf(call, name), { recursive: true, force: true });
    const text = error instanceof Error ? error.message : String(error);
    if (progress.hasBegun) throw new CallError(`Error creating machine: ${text}`);
    throw new CallError(`Error with pre-create check: ${text}`, error instanceof CapacityError ? 1 : PRECREATE);
  }
  call.say("Docker is up and running!");
  call.say(
    `To see how to connect your Docker Client to the Docker Engine running on this virtual machine, run: docker-machine env ${name}`,
  );
  return 0;
}

/** How far a create has come. */
interface Progress {
  hasAnswered: boolean;
  /** A machine was asked for. */
  hasBegun: boolean;
  /** The machine whose directory is there. */
  written?: string;
}

function driverOf(flags: Parsed): string {
  const name = flags.value("driver") ?? "mayfly";
  if (name === "mayfly" || name === "amazonec2") return name;
  throw new CallError(
    `no driver ${JSON.stringify(name)}: mayfly takes "mayfly", and "amazonec2" as another word for it`,
    PRECREATE,
  );
}

function timeoutFrom(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new CallError(`--mayfly-timeout: Expected a duration like ${DURATION_EXAMPLES}, got ${JSON.stringify(text)}`);
}

/** Goes on with the next manager when one goes away: the key says that this is the same create. */
async function createPatiently(
  call: Call,
  request: DockerMachineRequest,
  facts: MachineFacts,
  progress: Progress,
): Promise<void> {
  for (let awaySince: number | undefined; ; ) {
    try {
      return await createOnce(call, request, facts, progress, () => {
        awaySince = undefined;
      });
    } catch (error) {
      if (!isAway(error)) throw error;
      const now = performance.now();
      if (awaySince === undefined) call.say(`(${facts.name}) no manager answers at ${facts.socketPath}, waits for it`);
      awaySince ??= now;
      if (now - awaySince >= (progress.hasAnswered ? AWAY_MS : FIRST_AWAY_MS)) throw error;
    }
    await pause(PAUSE_MS);
  }
}

async function createOnce(
  call: Call,
  request: DockerMachineRequest,
  facts: MachineFacts,
  progress: Progress,
  onAnswer: () => void,
): Promise<void> {
  const { socketPath, name } = facts;
  const headers = { "content-type": "application/json" };
  const asked = await openRequest(socketPath, "/v1/docker-machines", { method: "POST", headers });
  asked.end(JSON.stringify(request));
  try {
    const response = await responseTo(asked, socketPath, undefined);
    for await (const text of linesOf(response, socketPath)) {
      onAnswer();
      progress.hasAnswered = true;
      progress.hasBegun = true;
      const line = JSON.parse(text) as CreateLine;
      if (line.kind === "error") throw errorFromBody(line.error);
      if (line.kind === "progress") call.say(`(${name}) ${line.text}`);
      if (line.kind === "ready") return await keep(call, line.machine, facts, progress);
    }
    throw new TransientError("connection-lost", `the connection to the mayfly daemon at ${socketPath} broke`);
  } finally {
    asked.destroy();
  }
}

/** The lines of an answer. @throws TransientError `connection-lost` when it breaks off. */
async function* linesOf(response: IncomingMessage, socketPath: string): AsyncGenerator<string> {
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined);
  response.on("error", (error) => broken.reject(errorFromSocket(error, socketPath)));
  const lines = createInterface({ input: response })[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([lines.next().catch(() => broken.promise), broken.promise]);
    if (next.done === true) return;
    yield next.value;
  }
}

/** Writes the directory, and hands the machine over to it. */
async function keep(call: Call, machine: ReadyDockerMachine, facts: MachineFacts, progress: Progress): Promise<void> {
  if (progress.written !== undefined) await rm(directoryOf(call, facts.name), { recursive: true, force: true });
  await writeMachine(call, machine, facts);
  progress.written = machine.id;
  try {
    await askDaemon(call, facts.socketPath, "POST", `/v1/docker-machines/${machine.id}/keep`, AWAY_MS);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    throw new CallError("the machine ended before it could be used");
  }
}
