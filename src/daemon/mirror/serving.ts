import type { MirrorConfig } from "../../config/mirror.ts";
import { SystemError, TransientError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { withHardDeadline } from "../../ports/deadline.ts";
import type { RegistryChild } from "./child.ts";
import { MARK_HEADER } from "./settings.ts";

/** From the start of its process to its first answer. It asks its upstream meanwhile, which may be slow to fail. */
const START_MS = 30_000;
const START_POLL_MS = 50;
/** How often one that serves is asked whether it does, and how long it may take. */
const CHECK_MS = 5_000;
const CHECK_DEADLINE_MS = 4_000;
/** So many checks that fail in a row end it; a busy host is slow. */
const MAX_FAILED_CHECKS = 3;

/** Tells whether the very process answers that was started. */
export type Ask = (signal: AbortSignal) => Promise<boolean>;

/** Why one ends that served for as long as it was to. */
export const ALONE_IS_OVER = "it is time to ask the upstream again";

/** Waits for its first answer. @throws SystemError `mirror-failed` with the registry's words when it ends first, TransientError `mirror-late`. */
export async function untilServing(child: RegistryChild, ask: Ask, clock: Clock, signal: AbortSignal): Promise<void> {
  const late = (): Error => new TransientError("mirror-late", `it did not answer within ${START_MS / 1000} s`);
  let words: string | undefined;
  void child.ended.then((told) => {
    words = told;
  });
  await withHardDeadline(clock, START_MS, late, signal, async (bounded) => {
    while (!(await ask(bounded))) {
      if (words !== undefined) throw new SystemError("mirror-failed", words);
      await clock.sleep(START_POLL_MS, bounded);
    }
  });
}

/** Asks it again and again, for so long at the most. Resolves with the reason to end it. */
export async function watchServing(
  child: RegistryChild,
  ask: Ask,
  clock: Clock,
  forMs: number | undefined,
  signal: AbortSignal,
): Promise<string> {
  const since = clock.monotonic();
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const asking = async (): Promise<string> => {
    for (let failures = 0; failures < MAX_FAILED_CHECKS; ) {
      await clock.sleep(CHECK_MS, until);
      failures = (await ask(until)) ? 0 : failures + 1;
      if (forMs !== undefined && clock.monotonic() - since >= forMs) return ALONE_IS_OVER;
    }
    return `it did not answer ${MAX_FAILED_CHECKS} times in a row`;
  };
  const asked = asking().catch((error: unknown) => String(error));
  try {
    return await Promise.race([child.ended, asked]);
  } finally {
    over.abort();
    await asked;
  }
}

/** Tells whether the one with that mark answers. Asks for nothing that it would ask its upstream for. */
export async function answers(
  { host, port }: MirrorConfig["listen"],
  mark: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  const late = (): Error => new TransientError("mirror-late", "no answer");
  const own = ownAddressOf(host);
  const url = `http://${own.includes(":") ? `[${own}]` : own}:${port}/v2/`;
  try {
    const response = await withHardDeadline(clock, CHECK_DEADLINE_MS, late, signal, (bounded) =>
      fetch(url, { signal: bounded }),
    );
    await response.body?.cancel();
    return response.ok && response.headers.get(MARK_HEADER) === mark;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

/** A service on all addresses is asked on one. */
const ownAddressOf = (host: string): string => (host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host);
