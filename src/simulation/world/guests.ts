import { MachineError } from "../../domain/errors.ts";
import type { MachineId } from "../../domain/ids.ts";
import type { Channel } from "../../ports/channel.ts";
import type { Guest, MachineLimits } from "../../ports/guest.ts";
import type { ProviderInstance } from "../provider.ts";
import { openRegistry } from "./registry.ts";
import type { World } from "./world.ts";

/** How long a guest out of reach is left alone before it is tried again. */
const RETRY_MS = 5_000;
/** From the first packet to a channel that can be used, least and most. */
const HANDSHAKE_MS = [50, 3_000] as const;

/** The machines' side of all calls, as it is for every manager of a day. */
export interface WorldGuests {
  /** When an instance is ready, after its launch; `Infinity` for never. */
  bootMs(host: string): number;
  /** Decides how an instance comes up, and arms its dead-man's switch. */
  boot(instance: ProviderInstance): void;
  killEngine(instance: ProviderInstance): void;
  /** The guest side of the process of the moment. */
  forProcess(): Guest;
}

/** Creates the machines' side of a world. */
export function createWorldGuests(world: World): WorldGuests {
  const { clock, day, draw, faults, provider } = world;
  const bootByHost = new Map<string, number>();
  const heardAtMs = new Map<string, number>();
  const deadEngines = new Set<string>();
  const limitsOf = new Map<MachineId, MachineLimits>();
  const hostOf = new WeakMap<Channel, string>();
  const withRegistry = openRegistry(world);

  const touch = (host: string, kind: Parameters<typeof faults.strikes>[0]): void => {
    const instance = provider.runningAt(host);
    if (instance === undefined) return;
    world.truth.machine(instance.machineId).touches.set(kind, clock.monotonic());
    world.journal.note(instance.machineId, `fault: ${kind}`);
  };
  const isCutOff = (host: string): boolean => {
    if (faults.strikes("partition") === undefined) return false;
    touch(host, "partition");
    return true;
  };
  const armSwitch = (instance: ProviderInstance, limits: MachineLimits, bornAtMs: number): void => {
    const { host } = instance.address;
    const dueAtMs = Math.min((heardAtMs.get(host) ?? bornAtMs) + limits.orphanTimeoutMs, bornAtMs + limits.lifetimeMs);
    clock.schedule(dueAtMs - clock.monotonic(), () => {
      if (provider.runningAt(host) !== instance) return;
      const isDue = clock.monotonic() >= bornAtMs + limits.lifetimeMs;
      if (!isDue && clock.monotonic() < (heardAtMs.get(host) ?? bornAtMs) + limits.orphanTimeoutMs)
        return armSwitch(instance, limits, bornAtMs);
      world.truth.machine(instance.machineId).isPoweredOff = true;
      provider.powerOff(instance.providerId, "its dead-man's switch fired");
    });
  };

  return {
    bootMs: (host) => bootByHost.get(host) ?? 0,
    boot(instance) {
      const { host } = instance.address;
      let bootMs = draw.between(...day.provider.bootMs);
      const slow = faults.strikes("boot-slow");
      if (slow !== undefined) bootMs *= slow.draw.between(2, 10);
      if (slow !== undefined) touch(host, "boot-slow");
      for (const kind of ["boot-hangs", "boot-unreachable"] as const) {
        if (faults.strikes(kind) === undefined) continue;
        touch(host, kind);
        bootMs = Infinity;
      }
      const death = faults.strikes("boot-dies");
      if (death !== undefined) {
        touch(host, "boot-dies");
        clock.schedule(bootMs * death.draw.fraction(), () => provider.loseInstance(instance.providerId, "it crashed"));
      }
      bootByHost.set(host, bootMs);
      const limits = limitsOf.get(instance.machineId);
      if (limits !== undefined) armSwitch(instance, limits, clock.monotonic());
    },
    killEngine(instance) {
      deadEngines.add(instance.address.host);
    },
    forProcess() {
      const process = world.process;
      if (process === undefined) throw new Error("guests are reached from a process");
      const died = new AbortController();
      process.onDeath(() => died.abort());
      return {
        createKeys: world.guest.createKeys,
        seedFrom: (machineIds, keys, settings, limits) =>
          process.call("guest.seedFrom", () => {
            for (const machineId of machineIds) limitsOf.set(machineId, limits);
            return world.guest.seedFrom(machineIds, keys, settings, limits);
          }),
        connect: (address, keys, settings, signal) =>
          process.call("guest.connect", async () => {
            const bounded = AbortSignal.any([signal, died.signal]);
            for (;;) {
              await clock.sleep(draw.between(...HANDSHAKE_MS), bounded);
              const ready = await world.guest.connect(address, keys, settings, bounded);
              if (!isCutOff(address.host)) {
                heardAtMs.set(address.host, clock.monotonic());
                hostOf.set(ready.channel, address.host);
                return { ...ready, engine: withRegistry(ready.engine, address.host, process) };
              }
              ready.channel.close();
              await clock.sleep(RETRY_MS, bounded);
            }
          }),
        seal: (guest, claim, keep, signal) =>
          process.call("guest.seal", () => world.guest.seal(guest, claim, keep, signal)),
        watchNotices: (guest, onNotice, signal) => world.guest.watchNotices(guest, onNotice, signal),
        sealAgain: (guest, signal) => process.call("guest.sealAgain", () => world.guest.sealAgain(guest, signal)),
        settle: (guest, signal) =>
          process.call("guest.settle", async () => {
            if (isCutOff(hostOf.get(guest.channel) ?? "")) throw new MachineError("settle-failed", "no answer");
            await world.guest.settle(guest, signal);
          }),
        probe: (guest, signal) =>
          process.call("guest.probe", async () => {
            signal.throwIfAborted();
            const host = hostOf.get(guest.channel) ?? "";
            if (isCutOff(host)) await clock.sleep(Infinity, signal);
            await world.guest.probe(guest, signal);
            heardAtMs.set(host, clock.monotonic());
            if (deadEngines.has(host)) throw new MachineError("engine-lost", "the engine does not answer");
          }),
      };
    },
  };
}
