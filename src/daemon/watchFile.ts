import { watch } from "node:fs";
import { readFile, realpath } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../ports/clock.ts";

/** A change has settled when two looks so far apart show the same. In milliseconds. */
const SETTLE_MS = 200;
/** How often the file is looked at when nothing tells of a change: network file systems, and folders that are made anew, never do. */
const POLL_MS = 30_000;

/**
 * Watches a file by its folder, since editors and Kubernetes put another file, or another link, in its place; and the folder
 * that a link leads to. Calls back at the start and after each change of what it holds. Answers how to stop.
 * @param path absolute; it may not be there.
 * @param isUnsure has it call back at each look: whoever asked in between may have seen what was gone before this looked.
 */
export function watchFile(
  path: string,
  clock: Pick<Clock, "sleep">,
  onChange: () => void,
  isUnsure: () => boolean = () => false,
): () => Promise<void> {
  const stopping = new AbortController();
  const rounds = async (): Promise<void> => {
    let known: string | undefined;
    while (!stopping.signal.aborted) {
      const news = new AbortController();
      // Before the look: what changes after it is heard of.
      const unwatch = await watchFolders(path, () => news.abort());
      const seen = await settled(path, clock, stopping.signal);
      if ((seen !== known || isUnsure()) && !stopping.signal.aborted) onChange();
      known = seen;
      await clock.sleep(POLL_MS, AbortSignal.any([news.signal, stopping.signal])).catch(() => undefined);
      unwatch();
    }
  };
  const ended = rounds();
  return () => {
    stopping.abort();
    return ended;
  };
}

const targetOf = (path: string): Promise<string> => realpath(path).catch(() => path);

async function watchFolders(path: string, onEvent: () => void): Promise<() => void> {
  for (;;) {
    const target = await targetOf(path);
    const unwatch = watchAll(new Set([dirname(path), dirname(target)]), onEvent);
    // A link that was swapped before anybody watched it leads elsewhere by now.
    if ((await targetOf(path)) === target) return unwatch;
    unwatch();
  }
}

function watchAll(folders: ReadonlySet<string>, onEvent: () => void): () => void {
  const watchers = [...folders].flatMap((folder) => {
    try {
      const watcher = watch(folder, onEvent);
      // A folder that goes, or the system's lack of watches: the next look by time finds out.
      watcher.on("error", () => watcher.close());
      return [watcher];
    } catch {
      return [];
    }
  });
  return () => {
    for (const watcher of watchers) watcher.close();
  };
}

/** What the file holds, once it holds the same twice: an editor may write it in parts. */
async function settled(path: string, clock: Pick<Clock, "sleep">, signal: AbortSignal): Promise<string> {
  for (let last: string | undefined; ; ) {
    const seen = await readFile(path, "latin1").catch((error: NodeJS.ErrnoException) => `!${error.code}`);
    if (seen === last || signal.aborted) return seen;
    last = seen;
    await clock.sleep(SETTLE_MS, signal).catch(() => undefined);
  }
}
