const UNIT_MS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 0.001,
  µs: 0.001,
  ns: 0.000_001,
};

/** Reads a duration of Go's, such as `20m0s` or `1.5h`, as whole milliseconds; undefined when it is none, or below 0. */
export function parseGoDuration(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^\+?(?:\d+(?:\.\d*)?(?:h|ms|m|s|us|µs|ns))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d*)?)(h|ms|m|s|us|µs|ns)/g))
    ms += Number(amount) * (UNIT_MS[unit ?? ""] ?? 0);
  return Math.round(ms);
}
