import type { EpochMs } from "../domain/ids.ts";

/** One line of a trace: jobs that became ready together. */
export interface TraceRow {
  readonly readyAt: EpochMs;
  /** In milliseconds; undefined where the trace does not say. */
  readonly durationMs: number | undefined;
  /** Jobs, ≥ 0. */
  readonly count: number;
  /** The jobs became ready somewhere within this time from `readyAt`. */
  readonly withinMs: number;
  /** Jobs that ended in the same time, where the trace counts them instead of giving durations. */
  readonly endedCount?: number | undefined;
}

/** Reads one line or record: a row, nothing for one that never needed a machine, or a sentence that says what is wrong. */
export type RowReader<Record> = (record: Record) => TraceRow | undefined | string;

/** Later instants are milliseconds, earlier ones seconds: 1e11 seconds is the year 5138. */
const FIRST_MS = 1e11;
/** The end of the year 9999: later ones are in finer units than milliseconds, or none at all. */
const LAST_MS = 253_402_300_799_999;
const NUMBER = /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const ISO = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(Z|UTC|[+-]\d\d:?\d\d)?$/;

/** Reads an instant: seconds or milliseconds since 1970, or a date and time (UTC where it names no zone), up to the year 9999. Undefined for anything else. */
export function parseInstant(text: string): EpochMs | undefined {
  if (NUMBER.test(text)) {
    const value = Number(text);
    return instantOr(value < FIRST_MS ? value * 1000 : value);
  }
  const [, date, time, zone = "Z"] = ISO.exec(text) ?? [];
  const at = Date.parse(`${date}T${time}${zone === "UTC" ? "Z" : zone.replace(/^([+-]\d\d)(\d\d)$/, "$1:$2")}`);
  return instantOr(at);
}

const instantOr = (at: EpochMs): EpochMs | undefined => (at >= 0 && at <= LAST_MS ? at : undefined);

/** Reads seconds ≥ 0 as milliseconds. Undefined for anything else. */
export function parseSeconds(text: string): number | undefined {
  return NUMBER.test(text) && Number(text) >= 0 ? Number(text) * 1000 : undefined;
}
