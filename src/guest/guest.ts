import { MachineError, MachineLostError, TransientError } from "../domain/errors.ts";
import type { Address } from "../domain/machine.ts";
import type { Clock } from "../ports/clock.ts";
import type { Guest, KnownKeys, ReachSettings, ReadyGuest } from "../ports/guest.ts";
import type { Logger } from "../ports/logger.ts";
import { setSwitchBack } from "./alive.ts";
import { createEngine } from "./engine/engine.ts";
import { openChannel } from "./handshake.ts";
import { createKeys } from "./keys.ts";
import { watchNotices } from "./notices.ts";
import { probeMachine, probeRestored } from "./ready.ts";
import { sealAgain, sealMachine } from "./seal.ts";
import { seedFrom } from "./seed.ts";
import { settleMachine } from "./settle.ts";

/**
 * Of a request that QEMU took before the guest's network was up no answer ever comes, so it is soon given up; but each later one
 * gets more time, since a guest that is merely slow is not helped by one more log-in to serve.
 */
const BANNER_DEADLINE_MS = { first: 2_000, growth: 1.1, last: 8_000 } as const;
/**
 * A restored machine has its network before anybody is told of it, and a busy host makes it slow: it is waited for. Measured at a load
 * of 25 on two processors: the banner came after 7 to 24 s, as each try that was given up before had kept the machine busy as well.
 */
const RESTORED_BANNER_DEADLINE_MS = { first: 20_000, growth: 1, last: 20_000 } as const;
const PAUSE_MS = { first: 100, growth: 1.3, last: 500 } as const;

export interface GuestDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where the engine listens on the machines. @default "/var/run/docker.sock" */
  readonly engineSocketPath?: string | undefined;
  /** Where the dead-man's switch listens on the machines. @default "/run/mayfly-alive.sock" */
  readonly switchSocketPath?: string | undefined;
}

/** Reaches machines over SSH: one connection each, kept. */
export function createGuest(deps: GuestDeps): Guest {
  return {
    createKeys,
    seedFrom,
    seal: (ready, claim, keep, signal) => sealMachine(ready, claim, keep, deps.clock, signal),
    sealAgain: (ready, signal) => sealAgain(ready, deps.clock, signal),
    settle: (ready, signal) => settleMachine(ready, deps.clock, signal),
    probe: (ready, signal) => probeKept(ready, deps, signal),
    watchNotices,
    connect: (address, keys, settings, signal) => connectUntilReady(address, keys, settings, deps, signal),
  };
}

/** Whatever the engine does, the machine hears from its manager. */
async function probeKept({ channel, engine }: ReadyGuest, deps: GuestDeps, signal: AbortSignal): Promise<void> {
  const setBack = setSwitchBack(channel, signal, deps.switchSocketPath);
  const [heard, pinged] = await Promise.allSettled([setBack, engine.ping(signal)]);
  signal.throwIfAborted();
  if (pinged.status === "rejected") throw engineProblemFrom(pinged.reason);
  if (heard.status === "rejected") throw heard.reason;
}

function engineProblemFrom(error: unknown): unknown {
  if (error instanceof MachineLostError && error.code === "channel-lost") return error;
  return new MachineError("engine-lost", error instanceof Error ? error.message : String(error), { cause: error });
}

async function connectUntilReady(
  address: Address,
  keys: KnownKeys,
  settings: ReachSettings,
  deps: GuestDeps,
  signal: AbortSignal,
): Promise<ReadyGuest> {
  const patience = settings.origin === "restored" ? RESTORED_BANNER_DEADLINE_MS : BANNER_DEADLINE_MS;
  let silences = 0;
  for (let attempt = 0; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      const bannerDeadlineMs = grown(patience, silences);
      return await connectOnce(address, keys, settings, bannerDeadlineMs, deps, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!isWorthRetrying(error)) throw error;
      if (error.code === "deadline") silences += 1;
      deps.logger.debug({ address, attempt, problem: error.message }, "machine not ready yet");
    }
    await deps.clock.sleep(grown(PAUSE_MS, attempt), signal);
  }
}

async function connectOnce(
  address: Address,
  keys: KnownKeys,
  settings: ReachSettings,
  bannerDeadlineMs: number,
  { clock, logger, engineSocketPath, switchSocketPath }: GuestDeps,
  signal: AbortSignal,
): Promise<ReadyGuest> {
  const channel = await openChannel(address, keys, settings.user, bannerDeadlineMs, clock, signal);
  try {
    const engine = createEngine(channel, engineSocketPath);
    const probe = settings.origin === "restored" ? probeRestored : probeMachine;
    await probe({ channel, engine }, { clock, logger: logger.child({ address }), switchSocketPath }, signal);
    return { channel, engine };
  } catch (error) {
    channel.close();
    throw error;
  }
}

const isWorthRetrying = (error: unknown): error is TransientError | MachineLostError =>
  error instanceof TransientError || error instanceof MachineLostError;

const grown = (step: { first: number; growth: number; last: number }, attempt: number): number =>
  Math.min(step.last, Math.round(step.first * step.growth ** attempt));
