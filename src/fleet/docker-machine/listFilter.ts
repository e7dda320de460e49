import { CallError } from "./errors.ts";
import type { ListRow } from "./list.ts";

const KEYS = ["driver", "swarm", "state", "name", "label"] as const;
type Key = (typeof KEYS)[number];

/**
 * Reads the filters of `ls`: of one key any must fit, of several keys each.
 * @throws CallError for a key that there is not, and for a name that is no regular expression.
 */
export function filterFrom(filters: readonly string[]): (row: ListRow, labels: readonly string[]) => boolean {
  const wanted = filters.map((filter) => {
    const [key = "", ...rest] = filter.split("=");
    const known = KEYS.find((one) => one === key);
    if (known === undefined || rest.length === 0) {
      throw new CallError(`Unsupported filter key '${key}': expected ${KEYS.join(", ")}, as in state=Running`);
    }
    return { key: known, fits: fitsFrom(known, rest.join("=")) };
  });
  const keys = [...new Set(wanted.map(({ key }) => key))];
  return (row, labels) => keys.every((key) => wanted.some((filter) => filter.key === key && filter.fits(row, labels)));
}

function fitsFrom(key: Key, value: string): (row: ListRow, labels: readonly string[]) => boolean {
  switch (key) {
    case "driver":
      return ({ DriverName }) => DriverName === value;
    case "swarm":
      return ({ Swarm }) => Swarm === value;
    case "state":
      return ({ State }) => State.toLowerCase() === value.toLowerCase();
    case "name": {
      const pattern = patternFrom(value);
      return ({ Name }) => pattern.test(Name);
    }
    case "label":
      return (_row, labels) => labels.includes(value);
  }
}

function patternFrom(value: string): RegExp {
  try {
    return new RegExp(value);
  } catch {
    throw new CallError(`Expected the filter name=… to be a regular expression, got ${JSON.stringify(value)}`);
  }
}
