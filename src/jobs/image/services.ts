import type { JobService } from "../../domain/job.ts";
import type { Channel } from "../../ports/channel.ts";
import type { Container, ContainerSpec, Engine, ImageFacts } from "../../ports/engine.ts";
import type { Notes } from "../notes.ts";
import { serviceAliases } from "./aliases.ts";
import { clearedEntrypoint } from "./entrypoint.ts";
import { waitForPorts } from "./probe.ts";
import { taggedName } from "./reference.ts";
import { serviceLog } from "./serviceLog.ts";

/** GitLab's wait_for_services_timeout. */
const SERVICES_TIMEOUT_MS = 30_000;
/**
 * How long the containers took to start tells how slow the machine is; a fast one never gets more than 30 s. Under software
 * emulation a dind engine answers 16 s after its container was started, on a busy host three times later (measured 2026-11),
 * and a dind job whose engine is late finds no certificates.
 */
const TIMEOUT_PER_START = 2;
const LONGEST_TIMEOUT_MS = 120_000;
/** GitLab's variable that names the port to wait for. */
const PORT_VARIABLE = "HEALTHCHECK_TCP_PORT";

/** A service and the image that it runs. */
export interface ServiceWithImage {
  readonly service: JobService;
  readonly facts: ImageFacts;
}

/** A service that was started. */
export interface StartedService extends ServiceWithImage {
  readonly container: Container;
  readonly ipAddress: string;
}

/** What all services of a job share. */
export interface ServiceSurroundings
  extends Pick<ContainerSpec, "env" | "binds" | "network" | "isPrivileged" | "labels"> {
  /** Begins the containers' names. */
  readonly namePrefix: string;
}

/** Starts services side by side, each under its aliases on the job's network. */
export function startServices(
  services: readonly ServiceWithImage[],
  surroundings: ServiceSurroundings,
  { engine, notes }: { readonly engine: Engine; readonly notes: Notes },
  signal: AbortSignal,
): Promise<StartedService[]> {
  const { namePrefix, env, ...shared } = surroundings;
  return Promise.all(
    services.map(async ({ service, facts }, index) => {
      await notes.line(`Starting service ${service.name} ...`);
      const container = await engine.createContainer(
        {
          ...shared,
          name: `${namePrefix}-service-${index}`,
          image: taggedName(service.name),
          entrypoint: clearedEntrypoint(service.entrypoint),
          command: service.command,
          env: { ...env, ...service.variables },
          aliases: serviceAliases(service),
          extraHosts: [],
          hasStdin: false,
        },
        signal,
      );
      await container.start(signal);
      const { ipAddress } = await container.inspect(signal);
      return { service, facts, container, ipAddress };
    }),
  );
}

/** How long services that took `startMs` to start may take to open a port, in whole seconds. */
export function servicesTimeoutMs(startMs: number): number {
  const fitting = Math.min(LONGEST_TIMEOUT_MS, Math.max(SERVICES_TIMEOUT_MS, startMs * TIMEOUT_PER_START));
  return Math.round(fitting / 1_000) * 1_000;
}

/** Waits until each service that exposes a port has one open; one that never does gets a warning with its log. */
export async function waitForServices(
  started: readonly StartedService[],
  timeoutMs: number,
  { channel, notes }: { readonly channel: Channel; readonly notes: Notes },
  signal: AbortSignal,
): Promise<void> {
  const waited = started.map((one) => ({ ...one, ports: portsOf(one) })).filter(({ ports }) => ports.length > 0);
  if (waited.length === 0) {
    return;
  }
  await notes.line(`Waiting for services to be up and running (timeout ${timeoutMs / 1_000} seconds)...`);
  const waiting = new AbortController();
  const untilDone = AbortSignal.any([signal, waiting.signal]);
  const probed = waited.map((one) => ({ ...one, ended: one.container.wait(untilDone) }));
  const open = await waitForPorts(channel, probed, timeoutMs, signal).finally(() => waiting.abort());
  for (const [index, one] of waited.entries()) {
    if (!open.has(index)) {
      await warnOf(one, notes, signal);
    }
  }
}

function portsOf({ service, facts }: ServiceWithImage): readonly number[] {
  const named = Number(service.variables[PORT_VARIABLE]);
  return Number.isInteger(named) && named > 0 && named < 65_536 ? [named] : facts.exposedTcpPorts;
}

async function warnOf({ service, container }: StartedService, notes: Notes, signal: AbortSignal): Promise<void> {
  const { isRunning, exitCode } = await container.inspect(signal);
  const why = isRunning ? "no port that it exposes is open" : `it ended with exit code ${exitCode}`;
  const log = await serviceLog(container, signal);
  await notes.warning(`Service ${service.name} probably didn't start properly: ${why}.\n${log}`);
}
