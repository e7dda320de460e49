import { parseInstant, parseSeconds } from "./row.ts";
import type { RowReader } from "./row.ts";

const COLUMNS = {
  minute: ["minute_unix_s"],
  started: ["builds_started", "count", "jobs", "arrivals"],
  ended: ["builds_ended"],
  ready: ["ready_at", "ready", "arrival_unix_s", "arrival", "arrived_at", "submit_time", "time", "timestamp"],
  startedAt: ["started_at"],
  queued: ["queued_duration_s", "queued_duration"],
  duration: ["duration_s", "duration", "run_time", "runtime"],
} as const;

const MINUTE_MS = 60_000;

/** Splits one line of a CSV at its commas; quoted cells may hold commas and doubled quotes. */
function cellsOf(line: string): string[] {
  if (!line.includes('"')) return line.split(",").map((cell) => cell.trim());
  const cells = [...line.matchAll(/(?:^|,)\s*(?:"((?:[^"]|"")*)"\s*|([^",]*))(?=,|$)/g)];
  return cells.map(([, quoted, plain = ""]) => quoted?.replaceAll('""', '"') ?? plain.trim());
}

/** Understands a CSV by the names in its first line, or says in a sentence which columns it must have. */
export function csvReaderFrom(header: string): RowReader<string> | string {
  const names = cellsOf(header.replace(/^\uFEFF/, "")).map((name) => name.toLowerCase());
  const find = (column: keyof typeof COLUMNS): number =>
    names.findIndex((name) => (COLUMNS[column] as readonly string[]).includes(name));
  const at = (cells: readonly string[], column: number): string => cells[column] ?? "";
  const [minute, started, ready, startedAt] = [find("minute"), find("started"), find("ready"), find("startedAt")];
  const [ended, queued, duration] = [find("ended"), find("queued"), find("duration")];

  if (minute >= 0 && started >= 0) {
    return (line) => {
      const cells = cellsOf(line);
      const readyAt = parseInstant(at(cells, minute));
      if (readyAt === undefined) return wrong(names[minute], "an instant", at(cells, minute));
      const [count, endedCount] = [started, ended].map((column) => (column < 0 ? 0 : Number(at(cells, column) || NaN)));
      if (!isCount(count)) return wrong(names[started], "a count", at(cells, started));
      if (!isCount(endedCount)) return wrong(names[ended], "a count", at(cells, ended));
      return { readyAt, durationMs: undefined, count, withinMs: MINUTE_MS, endedCount };
    };
  }
  if (ready < 0 && (startedAt < 0 || queued < 0)) {
    const hint = names.includes("created_at") ? "; a job is ready long after its created_at, which will not do" : "";
    return `Expected a column ready_at (or arrival_unix_s), started_at with queued_duration, or minute_unix_s with builds_started, got "${names.join(",").slice(0, 200)}"${hint}`;
  }
  return (line) => {
    const cells = cellsOf(line);
    const durationMs =
      at(cells, duration) === "" || at(cells, duration) === "-1" ? undefined : parseSeconds(at(cells, duration));
    if (duration >= 0 && durationMs === undefined && !["", "-1"].includes(at(cells, duration))) {
      return wrong(names[duration], "seconds ≥ 0", at(cells, duration));
    }
    if (ready >= 0) {
      const readyAt = parseInstant(at(cells, ready));
      if (readyAt === undefined) return wrong(names[ready], "an instant", at(cells, ready));
      return { readyAt, durationMs, count: 1, withinMs: 0 };
    }
    // A job that never started, as a manual or skipped one, needed no machine.
    if (at(cells, startedAt) === "") return undefined;
    return readyRowFrom(at(cells, startedAt), at(cells, queued), durationMs);
  };
}

/** A job's ready moment by GitLab's fields: `queued_duration` begins when it is pending. */
export function readyRowFrom(
  startedAt: string,
  queued: string,
  durationMs: number | undefined,
): ReturnType<RowReader<string>> {
  const at = parseInstant(startedAt);
  if (at === undefined) return wrong("started_at", "an instant", startedAt);
  const queuedMs = queued === "" ? 0 : parseSeconds(queued);
  if (queuedMs === undefined) return wrong("queued_duration", "seconds ≥ 0", queued);
  const readyAt = at - queuedMs;
  if (readyAt < 0) return wrong("started_at less queued_duration", "an instant", `${startedAt} less ${queued}`);
  return { readyAt, durationMs, count: 1, withinMs: 0 };
}

const isCount = (value: number | undefined): value is number =>
  Number.isInteger(value) && (value ?? -1) >= 0 && (value ?? 0) <= 1e6;
const wrong = (name: string | undefined, rule: string, value: string): string =>
  `Expected ${name} to be ${rule}, got "${value.slice(0, 80)}"`;
