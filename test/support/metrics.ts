import { Registry } from "prom-client";
import { meteredDriver } from "../../src/daemon/metrics/driver.ts";
import { createInstruments } from "../../src/daemon/metrics/instruments.ts";
import type { Driver } from "../../src/ports/driver.ts";

/** Reads the value of a series by its name and labels, in any order, out of a scrape. */
export function seriesOf(text: string): (series: string) => number | undefined {
  const values = new Map(
    text.split("\n").flatMap((line) => {
      const match = /^([^#{ ]+)(?:\{(.*)\})? (\S+)$/.exec(line);
      return match === null ? [] : [[keyOf(match[1] ?? "", match[2]), Number(match[3])] as const];
    }),
  );
  return (series) => {
    const [, name = "", labels] = /^([^{]+)(?:\{(.*)\})?$/.exec(series) ?? [];
    return values.get(keyOf(name, labels));
  };
}

const keyOf = (name: string, labels = ""): string => `${name}{${labels.split(",").toSorted().join(",")}}`;

/** A driver whose lists end in one way, with what was measured of it. */
export function createDriverMeter(error: Error | undefined): {
  readonly driver: Driver;
  readonly scrape: () => Promise<string>;
} {
  const register = new Registry();
  const bare = {
    name: "simulated" as const,
    capabilities: { watch: false },
    list: async () => {
      if (error !== undefined) throw error;
      return [];
    },
  };
  const driver = meteredDriver(bare as unknown as Driver, createInstruments(register), { monotonic: () => 0 });
  return { driver, scrape: () => register.metrics() };
}
