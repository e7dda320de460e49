import { mkdir, realpath } from "node:fs/promises";
import { SystemError } from "../../../domain/errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import { withDeadline } from "../../../ports/deadline.ts";
import type { Logger } from "../../../ports/logger.ts";
import { lockImages } from "../image/lock.ts";
import type { BootImage } from "../options.ts";
import { draftFolders, goldenRoot } from "./folder.ts";
import { generationsOf } from "./generations.ts";
import { goldenKeyFrom } from "./key.ts";
import type { GoldenFacts } from "./key.ts";
import { makeGolden } from "./make.ts";
import type { GoldenState } from "./manifest.ts";
import { noteUse, problemWith, readManifest } from "./manifest.ts";
import { refreshDueAt } from "./preloaded.ts";
import { removeLeftTemplates, removeOldStates, removeState } from "./sweep.ts";

/**
 * How long a launch waits for the golden state that it is the first to need. It is there after little more than a boot, and a boot
 * beside the template's takes twice as long as one alone where the processors are few; so whoever waits is as early as who does
 * not, and every machine after is earlier. A launch is given two minutes by its manager.
 */
const WAIT_MS = 80_000;
/** A boot takes 40 s under software emulation on an idle host of two processors, and minutes on a busy one. */
const MAKE_DEADLINE_MS = 600_000;
/** A template that fetches images may take so long over them: see src/guest/preload.ts. */
const PRELOAD_DEADLINE_MS = 960_000;
/** A launch may have found a state a moment before a newer one was there. */
const OLDER_KEPT_MS = 10 * 60_000;
/** What failed once is not tried again before. */
const PAUSE_MS = 10 * 60_000;

/** A state, with the facts that it was made of: its image's files by their real paths. */
export interface FoundGolden {
  readonly state: GoldenState;
  readonly facts: GoldenFacts;
}

/** The golden states of one folder of images, as one driver uses them. */
export interface GoldenStates {
  /**
   * Answers a state to restore from, which is whole. One that is not there is made, in the background; this waits for it.
   * @returns undefined, and says why in the log, when there is none in good time: boot then.
   */
  find(facts: GoldenFacts, signal: AbortSignal): Promise<FoundGolden | undefined>;
  /** Tells that a machine could not be restored from a state: it is removed, and for a while no other is made. */
  giveUp(state: GoldenState): Promise<void>;
  /** Ends templates that an earlier process left, unless another one is at work. */
  sweep(): Promise<void>;
  /** Ends what is being made. */
  close(): Promise<void>;
}

export interface GoldenDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** @throws CapacityError when there is no room for a template of that shape, or for what is saved of it. */
  readonly checkRoom: (facts: GoldenFacts) => Promise<void>;
}

/** Creates the states' keeper; touches nothing yet. */
export function createGoldenStates(imagesDir: string, deps: GoldenDeps): GoldenStates {
  const { clock, logger } = deps;
  const closing = new AbortController();
  const making = new Map<string, Promise<void>>();
  const pausedUntil = new Map<string, number>();
  const refreshPausedUntil = new Map<string, number>();

  /** The newest state of a key; those that are not what was saved are removed. */
  const readWhole = async (root: string, key: string, facts: GoldenFacts): Promise<GoldenState | undefined> => {
    for (const folder of await generationsOf(root, key)) {
      const state = await readManifest(folder);
      if (state === undefined) continue;
      const problem = state.key === key ? await problemWith(state, facts.qemuVersion) : "it is another one's";
      if (problem === "") return state;
      logger.warn({ golden: key, problem }, "golden state is not whole, makes it again");
      await removeState(state.folder);
    }
    return undefined;
  };
  const isDue = (state: GoldenState): boolean => refreshDueAt(state) <= clock.now();
  const removeOlder = async (root: string, { key, folder, createdAt }: GoldenState): Promise<void> => {
    if (createdAt + OLDER_KEPT_MS > clock.now()) return;
    for (const other of await generationsOf(root, key)) if (other < folder) await removeState(other);
  };

  const make = async (root: string, facts: GoldenFacts, key: string): Promise<void> => {
    const { signal } = closing;
    await mkdir(root, { recursive: true, mode: 0o700 });
    using _lock = await lockImages(root, () => undefined, clock, signal);
    await removeLeftTemplates(root, clock);
    // Another process may have been faster.
    const before = await readWhole(root, key, facts);
    if (before !== undefined && !isDue(before)) return;
    await removeOldStates(root, facts.qemuVersion);
    await deps.checkRoom(facts);
    logger.info({ image: facts.image.name, golden: key }, "boots a template, to restore machines from");
    const deadlineMs = MAKE_DEADLINE_MS + (facts.preload === undefined ? 0 : PRELOAD_DEADLINE_MS);
    const late = () => new SystemError("golden-unusable", `the template was not ready within ${deadlineMs / 1000} s`);
    await withDeadline(clock, deadlineMs, late, signal, (bounded) => makeGolden(root, facts, before, deps, bounded));
  };

  const startMaking = (root: string, facts: GoldenFacts, key: string): Promise<void> => {
    const known = making.get(key);
    if (known !== undefined) return known;
    const made = make(root, facts, key)
      .catch(async (err: unknown) => {
        if (closing.signal.aborted) return;
        const hasOlder = (await generationsOf(root, key).catch(() => [])).length > 0;
        (hasOlder ? refreshPausedUntil : pausedUntil).set(key, clock.now() + PAUSE_MS);
        const goesOn = hasOlder ? "machines are restored from the older one" : "machines boot";
        logger.warn({ golden: key, err }, `could not save a golden state, ${goesOn}`);
      })
      .finally(() => making.delete(key));
    making.set(key, made);
    return made;
  };

  return {
    async find(asked, signal) {
      const facts = { ...asked, image: await withRealPaths(asked.image) };
      const root = await goldenRoot(imagesDir);
      const key = goldenKeyFrom(facts);
      if ((pausedUntil.get(key) ?? 0) > clock.now()) return undefined;
      let state = await readWhole(root, key, facts);
      if (state === undefined) {
        await waitFor(startMaking(root, facts, key), clock, signal);
        state = await readWhole(root, key, facts);
      }
      if (state === undefined) return undefined;
      if (isDue(state) && (refreshPausedUntil.get(key) ?? 0) <= clock.now()) void startMaking(root, facts, key);
      else await removeOlder(root, state);
      await noteUse(state, clock.now());
      return { state, facts };
    },
    async giveUp(state) {
      pausedUntil.set(state.key, clock.now() + PAUSE_MS);
      await removeState(state.folder);
    },
    async sweep() {
      const root = await goldenRoot(imagesDir).catch(() => undefined);
      if (root === undefined) return;
      if ((await draftFolders(root)).length === 0) return;
      using lock = await tryLock(root, clock);
      if (lock !== undefined) await removeLeftTemplates(root, clock);
    },
    async close() {
      closing.abort(new SystemError("driver-closed", "the driver was closed"));
      await Promise.all(making.values());
    },
  };
}

/** Waits for it, but not for ever; it goes on without us. */
async function waitFor(made: Promise<void>, clock: Clock, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const late = clock.sleep(WAIT_MS, AbortSignal.any([signal, over.signal])).catch(() => undefined);
  await Promise.race([made, late]);
  over.abort();
  signal.throwIfAborted();
}

async function tryLock(root: string, clock: Clock): Promise<Disposable | undefined> {
  const busy = new AbortController();
  try {
    return await lockImages(root, () => busy.abort(), clock, busy.signal);
  } catch (error) {
    if (busy.signal.aborted) return undefined;
    throw error;
  }
}

async function withRealPaths(image: BootImage): Promise<BootImage> {
  const [diskPath, kernelPath, initrdPath] = await Promise.all(
    [image.diskPath, image.kernelPath, image.initrdPath].map((path) => realpath(path)),
  );
  return { ...image, ...{ diskPath: diskPath ?? "", kernelPath: kernelPath ?? "", initrdPath: initrdPath ?? "" } };
}
