import { MachineError } from "../domain/errors.ts";
import type { EpochMs, MachineId } from "../domain/ids.ts";
import type { Address } from "../domain/machine.ts";
import type { Clock } from "../ports/clock.ts";
import type { Guest, KeyPair, MachineClaim, MachineNotice } from "../ports/guest.ts";
import { createSimulatedChannel, quietProgram } from "./channel.ts";
import type { RunProgram, SimulatedChannel } from "./channel.ts";
import { createSimulatedEngine, quietContainer } from "./engine.ts";
import type { RunContainer } from "./engine.ts";
import { isRunning } from "./provider.ts";
import type { ProviderInstance, SimulatedProvider } from "./provider.ts";

export interface SimulatedGuestOptions {
  /** From launch to ready, in milliseconds; a function may differ from machine to machine. @default 1,000 */
  readonly bootMs?: number | ((address: Address) => number) | undefined;
  /** Plays programs. @default exits with 0, silent */
  readonly runProgram?: RunProgram | undefined;
  /** Plays containers. @default exits with 0, silent */
  readonly runContainer?: RunContainer | undefined;
}

/** The guests of a simulated provider's instances, with their faults. */
export interface SimulatedGuest extends Guest {
  /** Addresses in the order of the connects. */
  readonly connects: readonly Address[];
  /** Provider ids of those whose metadata service was closed again, in that order. */
  readonly sealedAgain: readonly string[];
  /** The next connect fails with this once its machine has booted. */
  failNext(error: MachineError): void;
  /** Cuts the channel to one machine, which goes on running. */
  cutChannel(address: Address, why?: string): void;
  /** Has a machine be told of its end by its provider, from inside. */
  giveNotice(address: Address, notice: MachineNotice): void;
}

/** A machine that can never be reached is asked for again this often. */
const RETRY_MS = 1_000;

/** Creates the guest side of a simulated provider: machines boot on the clock, and their channels break when they end. */
export function createSimulatedGuest(
  deps: { readonly clock: Clock; readonly provider: SimulatedProvider },
  options: SimulatedGuestOptions = {},
): SimulatedGuest {
  const { clock, provider } = deps;
  const { bootMs = 1_000, runProgram = quietProgram, runContainer = quietContainer } = options;
  const connects: Address[] = [];
  const sealedAgain: string[] = [];
  const failures: MachineError[] = [];
  const channels = new Map<string, Set<SimulatedChannel>>();
  /** Host keys that machines made themselves, by provider id. */
  const ownKeys = new Map<string, string>();
  /** Who listens on the machines, by address. */
  const listeners = new Map<string, (notice: MachineNotice) => void>();
  /** Which machine each of those became that were told the same, by provider id. */
  const claimedBy = new Map<string, MachineId>();
  const hostOf = new WeakMap<object, string>();
  const idOf = new WeakMap<object, string>();

  const runningAt = (host: string): ProviderInstance | undefined =>
    provider.instances().find((instance) => instance.address.host === host && isRunning(instance));
  const readyAt = (instance: ProviderInstance): EpochMs =>
    instance.runningAt + (typeof bootMs === "number" ? bootMs : bootMs(instance.address));
  const cut = (host: string, why: string): void => {
    for (const channel of channels.get(host) ?? []) channel.cut(why);
    channels.delete(host);
  };
  const claimMachine = (providerId: string, { machineId, instanceName }: MachineClaim): void => {
    if (!providerId.endsWith(`/${instanceName}`))
      throw new MachineError("seal-failed", `it is ${providerId} and not ${instanceName}`);
    const other = claimedBy.get(providerId) ?? machineId;
    if (other !== machineId) throw new MachineError("seal-failed", `${providerId} is ${other} already`);
    claimedBy.set(providerId, machineId);
  };
  provider.onEnd(({ address }, detail) => cut(address.host, `the machine is gone: ${detail}`));

  return {
    connects,
    sealedAgain,
    failNext: (error) => void failures.push(error),
    giveNotice: ({ host }, notice) => listeners.get(host)?.(notice),
    async watchNotices({ channel }, onNotice, signal) {
      const host = hostOf.get(channel) ?? "";
      listeners.set(host, onNotice);
      const ended = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      await Promise.race([channel.closed, ended]);
      if (listeners.get(host) === onNotice) listeners.delete(host);
    },
    cutChannel: ({ host }, why = "connection reset") => cut(host, why),
    createKeys: (name) => ({ host: pairFrom(`host of ${name}`), client: pairFrom(`client of ${name}`) }),
    seedFrom: async ([machineId]) => ({ userData: "#cloud-config\n", metaData: `instance-id: ${machineId}\n` }),
    probe: ({ engine }, signal) => engine.ping(signal),
    async seal({ channel }, claim, keep) {
      const providerId = idOf.get(channel) ?? "";
      if (claim !== undefined) claimMachine(providerId, claim);
      const publicKey = `public key, made by ${providerId}`;
      await keep(publicKey);
      ownKeys.set(providerId, publicKey);
    },
    sealAgain: async ({ channel }, signal) => {
      signal.throwIfAborted();
      sealedAgain.push(idOf.get(channel) ?? "");
    },
    settle: async (_guest, signal) => signal.throwIfAborted(),
    async connect(address, keys, _settings, signal) {
      connects.push(address);
      for (;;) {
        const instance = runningAt(address.host);
        const waitMs = instance === undefined ? RETRY_MS : readyAt(instance) - clock.now();
        if (waitMs <= 0) break;
        await clock.sleep(waitMs, signal);
      }
      signal.throwIfAborted();
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      const providerId = runningAt(address.host)?.providerId ?? "";
      const shown = ownKeys.get(providerId) ?? keys.host.publicKey;
      if (!(keys.hostKeys ?? [keys.host.publicKey]).includes(shown))
        throw new MachineError("host-key-changed", `Expected another host key than "${shown}" at ${address.host}`);
      const channel = createSimulatedChannel(runProgram);
      idOf.set(channel, providerId);
      hostOf.set(channel, address.host);
      channels.set(address.host, (channels.get(address.host) ?? new Set()).add(channel));
      return { channel, engine: createSimulatedEngine(runContainer, channel.broken) };
    },
  };
}

const pairFrom = (name: string): KeyPair => ({ publicKey: `public key, ${name}`, privateKey: `private key, ${name}` });
