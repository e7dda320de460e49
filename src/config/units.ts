const DURATION_UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
] as const;

const SIZE_UNITS = [
  ["TiB", 2 ** 40],
  ["GiB", 2 ** 30],
  ["MiB", 2 ** 20],
  ["KiB", 2 ** 10],
  ["B", 1],
] as const;

const DURATION = /^(?:(\d+)d ?)?(?:(\d+)h ?)?(?:(\d+)m(?!s) ?)?(?:(\d+)s ?)?(?:(\d+)ms)?$/;
const SIZE = /^(\d+) ?(TiB|GiB|MiB|KiB|B)$/;

/** Says what a duration looks like, for messages. */
export const DURATION_EXAMPLES = '"20m", "1h30m" or "45s"';

/** Reads `20m`, `1h30m`, `1d`, `250ms` as milliseconds; anything else, a bare number too, is undefined. */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  const match = DURATION.exec(trimmed);
  if (match === null || trimmed === "") return undefined;
  const ms = DURATION_UNITS.reduce((sum, [, unitMs], index) => sum + Number(match[index + 1] ?? 0) * unitMs, 0);
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** Writes milliseconds (rounded, ≥ 0) as `parseDuration` reads them: `1h30m`, `250ms`, `0s`. */
export function formatDuration(ms: number): string {
  let restMs = Math.max(0, Math.round(ms));
  if (restMs === 0) return "0s";
  let text = "";
  for (const [unit, unitMs] of DURATION_UNITS) {
    const count = Math.floor(restMs / unitMs);
    if (count > 0) text += `${count}${unit}`;
    restMs -= count * unitMs;
  }
  return text;
}

/** Reads `512MiB`, `2GiB` as bytes; anything else, a bare number and decimal units too, is undefined. */
export function parseSize(text: string): number | undefined {
  const match = SIZE.exec(text.trim());
  if (match === null) return undefined;
  const factor = SIZE_UNITS.find(([unit]) => unit === match[2])?.[1] ?? 1;
  const bytes = Number(match[1]) * factor;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Writes bytes (an integer ≥ 0) exactly, in the largest unit that divides them: `1536MiB`. */
export function formatSize(bytes: number): string {
  const fitting = SIZE_UNITS.find(([, factor]) => bytes >= factor && bytes % factor === 0);
  const [unit, factor] = fitting ?? ["B", 1];
  return `${bytes / factor}${unit}`;
}
