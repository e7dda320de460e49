import type { GoldenManifest } from "./manifest.ts";

/** What became of an image that a template was to have when it was saved. */
export interface Preloaded {
  readonly image: string;
  /** What its name stood for, as `NAME@sha256:…`; absent when it is not there. */
  readonly digest?: string | undefined;
  /** Why it is not there. */
  readonly problem?: string | undefined;
}

/** Tags move: a state with images is made anew when it is so old. What was restored from the older one goes on. */
const REFRESH_MS = 24 * 3_600_000;
/** One that lacks images is made anew earlier: each time twice as late, since a name may be wrong for ever. */
const RETRY_MS = 15 * 60_000;

/** Reads what a template said on its console of the images that it was to fetch (cloud-init/preload/preload.sh). */
export function preloadedFrom(heard: string, images: readonly string[]): readonly Preloaded[] {
  const lines = heard.split(/\r?\n/).map((line) => /mayfly-preload: (done|failed) (\S+) ?(.*)$/.exec(line) ?? []);
  return images.map((image) => {
    const [, what, , words = ""] = lines.find(([, , name]) => name === image) ?? [];
    if (what === "done") return { image, digest: words.trim() };
    return { image, problem: what === "failed" ? words.trim() : "it was not fetched in time" };
  });
}

/** When a state is to be made anew though nothing is wrong with it; never for one without images. In ms since 1970. */
export function refreshDueAt({ createdAt, preloaded }: Pick<GoldenManifest, "createdAt" | "preloaded">): number {
  if (preloaded === undefined) return Infinity;
  const { images, failures } = preloaded;
  if (images.every(({ problem }) => problem === undefined)) return createdAt + REFRESH_MS;
  return createdAt + Math.min(REFRESH_MS, RETRY_MS * 2 ** (failures - 1));
}

/** How many states in a row have lacked images, this one among them. */
export function failuresOf(images: readonly Preloaded[], before: GoldenManifest | undefined): number {
  const isWhole = images.every(({ problem }) => problem === undefined);
  return isWhole ? 0 : (before?.preloaded?.failures ?? 0) + 1;
}
