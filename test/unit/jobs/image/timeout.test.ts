import { expect, it } from "vitest";
import { servicesTimeoutMs } from "../../../../src/jobs/image/services.ts";

it.each([
  [0, 30_000],
  [800, 30_000],
  [20_000, 40_000],
  [25_100, 50_000],
  [600_000, 120_000],
])("gives services that took %i ms to start %i ms to open a port", (startMs, expected) => {
  expect(servicesTimeoutMs(startMs)).toBe(expected);
});
