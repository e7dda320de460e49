import { expect, it } from "vitest";
import { createPackageProgress } from "../../../../../src/drivers/qemu/image/packageProgress.ts";

it.each([
  ["I: running apt-get update...", "reading Debian's package lists"],
  ["Get:12 http://mirror.example/debian bookworm/main amd64 libc6 amd64 2.36-9 [2759 kB]", "fetching libc6 (12)"],
  ["Unpacking libc6:amd64 (2.36-9) ...", "unpacking libc6 (1)"],
  ["Setting up docker.io (20.10.24) ...", "setting up docker.io (1)"],
  ["I: running --customize-hook in shell: sh -c '/x/pack.sh \"$1\" 3072' exec /tmp/root", "packing the disk"],
])("reads %s", (line, text) => {
  expect(createPackageProgress()(line)?.text).toBe(text);
});

it.each([
  "Reading package lists...",
  "(Reading database ... 0 files and directories currently installed.)",
  "Get:1 http://mirror.example/debian bookworm InRelease [151 kB]",
  "0 upgraded, 171 newly installed, 0 to remove and 0 not upgraded.",
  "",
])("has nothing to say of %j", (line) => {
  expect(createPackageProgress()(line)).toBeUndefined();
});

it("never goes back, although two rounds of packages come one after the other", () => {
  const next = createPackageProgress();
  const round = (count: number): string[] => [
    `0 upgraded, ${count} newly installed, 0 to remove and 0 not upgraded.`,
    ...Array.from(
      { length: count },
      (_, i) => `Get:${i + 1} http://mirror.example bookworm/main amd64 p${i} amd64 1 [1 kB]`,
    ),
    ...Array.from({ length: count }, (_, i) => `Unpacking p${i} (1) ...`),
    ...Array.from({ length: count }, (_, i) => `Setting up p${i} (1) ...`),
  ];

  const fractions = [...round(69), ...round(171)].map((line) => next(line)?.fraction ?? 0).filter((f) => f > 0);

  expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
  expect(fractions.at(-1)).toBeLessThanOrEqual(1);
});
