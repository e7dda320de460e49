import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { MirrorConfig } from "../../config/mirror.ts";
import { SystemError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { Random } from "../../ports/random.ts";
import type { MirrorHealth } from "../../ports/health.ts";
import { boundCache } from "./bound.ts";
import { endLeft, startChild } from "./child.ts";
import type { RegistryChild } from "./child.ts";
import { ALONE_IS_OVER, answers, untilServing, watchServing } from "./serving.ts";
import type { Ask } from "./serving.ts";
import { readCredentials, settingsFrom } from "./settings.ts";
import type { SettingsChoice } from "./settings.ts";

/** A manager that starts waits so long for its mirror: machines that come up later find it there. */
const PATIENCE_MS = 5_000;
/** Pauses before it is started again: each twice as long, anew from the first once it has served for a minute. */
const PAUSE_MS = { first: 500, last: 60_000 } as const;
const STEADY_MS = 60_000;
/** How long one that cannot ask its upstream serves what it has, before it is tried with the upstream again. */
const ALONE_MS = 60_000;

/** A registry mirror at work, or trying to. */
export interface Mirror {
  health(): MirrorHealth;
  /** Ends it. Nothing of it runs then. */
  stop(): Promise<void>;
}

export interface MirrorDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Where the mirror of a state directory keeps what it fetched, and its settings. */
export const mirrorFolderOf = (stateDir: string): string => join(stateDir, "mirror");
export const cacheFolderOf = (stateDir: string): string => join(mirrorFolderOf(stateDir), "cache");

/**
 * Starts a mirror and keeps it running until it is stopped: one that ends, or does not answer, is started again. Resolves when it
 * serves, when it could not be started at once, or when that takes long. Never rejects: machines do without it.
 */
export async function startMirror(config: MirrorConfig, stateDir: string, deps: MirrorDeps): Promise<Mirror> {
  const { clock } = deps;
  const logger = deps.logger.child({ mirror: `${config.listen.host}:${config.listen.port}` });
  const stopping = new AbortController();
  const { signal } = stopping;
  const first = Promise.withResolvers<void>();
  const cache = boundCache(cacheFolderOf(stateDir), config.maxSizeMiB * 2 ** 20, { clock, logger }, signal);
  let isServing = false;
  let starts = 0;
  let problem: MirrorHealth["problem"] = { text: "it has not started yet", since: clock.now() };

  const note = (text: string | undefined): void => {
    if (text !== undefined && problem?.text !== text) problem = { text, since: clock.now() };
    if (text === undefined) problem = undefined;
  };
  /** One life of the registry. Answers why it ended. */
  const live = async (asksUpstream: boolean, why: string): Promise<string> => {
    let child: RegistryChild | undefined;
    try {
      const mark = deps.random.id("mirror");
      const isAnswered: Ask = (bounded) => answers(config.listen, mark, clock, bounded);
      child = await begin(config, stateDir, { asksUpstream, mark }, clock, signal);
      starts += 1;
      await untilServing(child, isAnswered, clock, signal);
      isServing = true;
      note(asksUpstream ? undefined : `it serves what it has and asks nobody: ${why}`);
      logger[asksUpstream ? "info" : "warn"]({ asksUpstream, starts, why }, "registry mirror serves");
      first.resolve();
      return await watchServing(child, isAnswered, clock, asksUpstream ? undefined : ALONE_MS, signal);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      isServing = false;
      await child?.end();
    }
  };
  const lives = async (): Promise<void> => {
    let pauseMs: number = PAUSE_MS.first;
    let asksUpstream = true;
    while (!signal.aborted) {
      const since = clock.monotonic();
      const why = await live(asksUpstream, problem?.text ?? "");
      if (signal.aborted) return;
      const isOver = why === ALONE_IS_OVER;
      if (!isOver) note(why);
      if (isOver || clock.monotonic() - since > STEADY_MS) pauseMs = PAUSE_MS.first;
      // It gives up at once when its upstream does not answer, though it may have what is asked for.
      const isAway: boolean = asksUpstream && why.includes("panic: Get ");
      asksUpstream = !isAway;
      if (isOver || isAway) continue;
      first.resolve();
      logger.warn({ why, pauseMs }, "registry mirror is down, machines pull from its upstream; it is started again");
      await clock.sleep(pauseMs, signal).catch(() => undefined);
      pauseMs = Math.min(PAUSE_MS.last, pauseMs * 2);
    }
  };

  const ended = lives();
  const callOff = clock.schedule(PATIENCE_MS, first.resolve);
  await first.promise;
  callOff();
  const { listen, upstream, maxSizeMiB } = config;
  return {
    health: () => ({
      ...{ listen: `${listen.host}:${listen.port}`, upstream, isServing, problem, starts },
      ...{ cacheBytes: cache.bytes(), maxCacheBytes: maxSizeMiB * 2 ** 20 },
    }),
    async stop() {
      stopping.abort(new SystemError("mirror-stopped", "the mirror was stopped"));
      await Promise.all([ended, cache.ended]);
    },
  };
}

async function begin(
  config: MirrorConfig,
  stateDir: string,
  choice: Omit<SettingsChoice, "credentials">,
  clock: Clock,
  signal: AbortSignal,
): Promise<RegistryChild> {
  const credentials = config.credentialsFile === undefined ? undefined : await readCredentials(config.credentialsFile);
  const folder = mirrorFolderOf(stateDir);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const [path, draft] = [join(folder, "registry.yml"), join(folder, "registry.yml.draft")];
  await endLeft(path, clock, signal);
  // They may hold a password.
  await writeFile(draft, settingsFrom(config, cacheFolderOf(stateDir), { ...choice, credentials }), { mode: 0o600 });
  await rename(draft, path);
  return startChild(config.program, path, clock);
}
