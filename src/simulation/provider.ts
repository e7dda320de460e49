import type { EpochMs, MachineId } from "../domain/ids.ts";
import type { Address } from "../domain/machine.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";

export type DriverVerb = "launch" | "list" | "terminate" | "stop" | "start";

/** One call of a driver, as the provider saw it. `about` is the token, or the provider ids. */
interface ProviderCall {
  readonly verb: DriverVerb;
  readonly at: EpochMs;
  readonly owner: string;
  readonly about: readonly string[];
}

/** What the pretended provider knows of one instance. */
export interface ProviderInstance {
  readonly providerId: string;
  readonly owner: string;
  readonly token: string;
  /** Of one that was launched with others, whichever the store says; before it does, any of them that has no other one. */
  machineId: MachineId;
  readonly poolName: string;
  /** All machines of the call that launched it, and the token of that call, where it was one for several. */
  readonly call?: { readonly machineIds: readonly MachineId[]; readonly token: string } | undefined;
  /** Another one after each start. */
  address: Address;
  readonly launchedAt: EpochMs;
  /** When it is `running`, since its launch or its last start. */
  runningAt: EpochMs;
  /** When nothing of it is left; set by terminate. */
  goneAt?: EpochMs;
  /** It ended by itself. */
  hasStopped: boolean;
  /** From when on it is stopped, by a call; until then it is stopping. Undefined while it runs. */
  stoppedAt?: EpochMs | undefined;
}

export interface ProviderOptions {
  /** From the call to `running`, in milliseconds. @default 0 */
  readonly launchDelayMs?: number | undefined;
  /** From the call to gone, in milliseconds. @default 0 */
  readonly terminateDelayMs?: number | undefined;
  /** From the call to stopped, in milliseconds. @default 0 */
  readonly stopDelayMs?: number | undefined;
  /** Instances of all owners that it has room for. @default no limit */
  readonly maxInstances?: number | undefined;
  /** Addresses that it gives out, the first free one first, again and again. @default any of 127.0.0.0/8 */
  readonly hosts?: readonly string[] | undefined;
  /** Names the next instance. @default of this provider's own form */
  readonly nameInstance?: ((random: Random) => string) | undefined;
  /** Whether an instance that powers itself off is gone with all that it held. @default false: its resources stay */
  readonly endsOnPowerOff?: boolean | undefined;
}

/** When a scripted failure strikes: before the call has any effect, or after it, so that only the answer is lost. */
type FaultMoment = "before" | "after";

/** Told of every end of an instance, or of its run; `isExpected` when it was terminated or stopped by a call. */
type EndListener = (instance: ProviderInstance, detail: string, isExpected: boolean) => void;

/** A pretended provider. It outlives the drivers that talk to it, as a real one outlives a manager. */
export interface SimulatedProvider {
  readonly calls: readonly ProviderCall[];
  /** All owners' instances that are not gone, oldest first. */
  instances(): readonly ProviderInstance[];
  /** The instance that answers at an address, if one runs there. */
  runningAt(host: string): ProviderInstance | undefined;
  /** The next calls of this verb that find no earlier script fail with `error`. @default moment "before" */
  failNext(verb: DriverVerb, error: Error, moment?: FaultMoment): void;
  setMaxInstances(maxInstances: number): void;
  /** Ends an instance by itself, as a crash of its host would. Its resources stay until it is terminated. */
  loseInstance(providerId: string, detail?: string): void;
  /** Has an instance power itself off. */
  powerOff(providerId: string, detail: string): void;
  /** Takes an instance away with all that it held, as a spot market does. */
  vanishInstance(providerId: string, detail?: string): void;
  /** Tells of every end of an instance. Answers how to stop. */
  onEnd(listener: EndListener): () => void;
  /** The driver's side. */
  readonly driverSide: DriverSide;
}

interface DriverSide {
  readonly clock: Clock;
  readonly launchDelayMs: number;
  readonly terminateDelayMs: number;
  hasRoom(): boolean;
  record(verb: DriverVerb, owner: string, about: readonly string[]): void;
  throwFault(verb: DriverVerb, moment: FaultMoment): void;
  add(facts: Pick<ProviderInstance, "owner" | "token" | "machineId" | "poolName" | "call">): ProviderInstance;
  /** @param delayMs from now to gone. @default the provider's */
  terminate(instance: ProviderInstance, delayMs?: number): void;
  /** Stops an instance that runs. @param delayMs from now to stopped. @default the provider's */
  stop(instance: ProviderInstance, delayMs?: number): void;
  /** Starts an instance that is stopped, at another address. */
  start(instance: ProviderInstance): void;
}

/** Whether an instance runs, or will in a moment. */
export const isRunning = ({ hasStopped, stoppedAt, goneAt }: ProviderInstance): boolean =>
  !hasStopped && stoppedAt === undefined && goneAt === undefined;

/** Creates an empty provider. */
export function createSimulatedProvider(
  deps: { readonly clock: Clock; readonly random: Random },
  options: ProviderOptions = {},
): SimulatedProvider {
  const { clock, random } = deps;
  const { launchDelayMs = 0, terminateDelayMs = 0, stopDelayMs = 0, nameInstance = ({ id }) => id("sim") } = options;
  let maxInstances = options.maxInstances ?? Infinity;
  const calls: ProviderCall[] = [];
  const faults: { readonly verb: DriverVerb; readonly moment: FaultMoment; readonly error: Error }[] = [];
  const byId = new Map<string, ProviderInstance>();
  const idByHost = new Map<string, string>();
  const listeners = new Set<EndListener>();

  const forget = ({ providerId, address }: ProviderInstance): void => {
    byId.delete(providerId);
    idByHost.delete(address.host);
  };
  const instances = (): ProviderInstance[] => {
    for (const instance of byId.values())
      if (instance.goneAt !== undefined && instance.goneAt <= clock.now()) forget(instance);
    return [...byId.values()];
  };
  const tell = (instance: ProviderInstance, detail: string, isExpected: boolean): void => {
    for (const listener of [...listeners]) listener(instance, detail, isExpected);
  };
  const freeHost = (): string => {
    const known = options.hosts?.find((host) => !idByHost.has(host));
    if (known !== undefined) return known;
    for (;;) {
      const host = `127.${[0, 0, 0].map(() => 1 + Math.floor(random.fraction() * 254)).join(".")}`;
      if (!idByHost.has(host)) return host;
    }
  };

  const loseInstance = (providerId: string, detail = "the instance ended by itself"): void => {
    const instance = byId.get(providerId);
    if (instance === undefined || !isRunning(instance)) return;
    instance.hasStopped = true;
    tell(instance, detail, false);
  };
  const vanishInstance = (providerId: string, detail = "the provider took the instance back"): void => {
    const instance = byId.get(providerId);
    if (instance === undefined || instance.goneAt !== undefined) return;
    const wasRunning = !instance.hasStopped;
    instance.goneAt = clock.now();
    forget(instance);
    if (wasRunning) tell(instance, detail, false);
  };

  return {
    calls,
    instances,
    loseInstance,
    vanishInstance,
    powerOff: options.endsOnPowerOff === true ? vanishInstance : loseInstance,
    runningAt(host) {
      const instance = byId.get(idByHost.get(host) ?? "");
      return instance !== undefined && isRunning(instance) ? instance : undefined;
    },
    failNext: (verb, error, moment = "before") => void faults.push({ verb, moment, error }),
    setMaxInstances: (max) => {
      maxInstances = max;
    },
    onEnd(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    driverSide: {
      clock,
      launchDelayMs,
      terminateDelayMs,
      hasRoom: () => instances().length < maxInstances,
      record: (verb, owner, about) => void calls.push({ verb, at: clock.now(), owner, about }),
      throwFault(verb, moment) {
        const index = faults.findIndex((fault) => fault.verb === verb);
        if (faults[index]?.moment !== moment) return;
        throw faults.splice(index, 1)[0]?.error;
      },
      add(facts) {
        const launchedAt = clock.now();
        const instance: ProviderInstance = {
          ...facts,
          providerId: nameInstance(random),
          address: { host: freeHost(), port: 22 },
          launchedAt,
          runningAt: launchedAt + launchDelayMs,
          hasStopped: false,
        };
        byId.set(instance.providerId, instance);
        idByHost.set(instance.address.host, instance.providerId);
        return instance;
      },
      terminate(instance, delayMs = terminateDelayMs) {
        if (instance.goneAt !== undefined) return;
        instance.goneAt = clock.now() + delayMs;
        if (!instance.hasStopped) tell(instance, "terminated", true);
      },
      stop(instance, delayMs = stopDelayMs) {
        if (!isRunning(instance)) return;
        instance.stoppedAt = clock.now() + delayMs;
        tell(instance, "stopped", true);
      },
      start(instance) {
        if (isRunning(instance) || instance.goneAt !== undefined) return;
        instance.hasStopped = false;
        instance.stoppedAt = undefined;
        instance.runningAt = clock.now() + launchDelayMs;
        const host = freeHost();
        idByHost.delete(instance.address.host);
        idByHost.set(host, instance.providerId);
        instance.address = { host, port: 22 };
      },
    },
  };
}
