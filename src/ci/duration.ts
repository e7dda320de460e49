const UNITS_SECONDS: readonly (readonly [RegExp, number])[] = [
  [/^s(ec(ond)?s?)?$/, 1],
  [/^m(in(ute)?s?)?$/, 60],
  [/^h((ou)?rs?)?$/, 3600],
  [/^d(ays?)?$/, 86_400],
  [/^w(ee)?ks?$|^w$/, 604_800],
  [/^mo(nth)?s?$/, 2_592_000],
];

/** GitLab's bound on a job's timeout: one month. */
const MAX_SECONDS = 2_592_000;

/**
 * Reads a duration as GitLab writes them: `1h 30m`, `90 minutes`, `3 hours and 5 seconds`, `1:30:00`, or plain seconds.
 * Answers milliseconds, > 0 and at most 30 days; undefined when it is none.
 * Source: https://docs.gitlab.com/ci/yaml/#timeout
 */
export function parseGitlabDuration(text: string): number | undefined {
  const seconds = clockSeconds(text) ?? wordSeconds(text);
  if (seconds === undefined || seconds <= 0 || seconds > MAX_SECONDS) return undefined;
  return Math.round(seconds * 1000);
}

function clockSeconds(text: string): number | undefined {
  if (!/^\d+(:[0-5]?\d){1,2}$/.test(text.trim())) return undefined;
  return text.split(":").reduce((seconds, part) => seconds * 60 + Number(part), 0);
}

function wordSeconds(text: string): number | undefined {
  const plain = text
    .toLowerCase()
    .replace(/,|\b(and|plus|with)\b/g, " ")
    .trim();
  if (/^\d+(\.\d+)?$/.test(plain)) return Number(plain);
  if (!/^(\d+(\.\d+)?\s*[a-z]+\s*)+$/.test(plain)) return undefined;
  let seconds = 0;
  for (const [, count, word = ""] of plain.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)/g)) {
    const unit = UNITS_SECONDS.find(([pattern]) => pattern.test(word));
    if (unit === undefined) return undefined;
    seconds += Number(count) * unit[1];
  }
  return seconds;
}
