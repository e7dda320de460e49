import { expect, it } from "vitest";
import { argumentsFrom } from "../../../../src/drivers/qemu/command.ts";

const facts = {
  folder: "/state/qemu/qemu-1,a",
  providerId: "qemu-1",
  shape: { driver: "qemu", image: "debian-12", cpus: 3, memoryMiB: 2_048, diskGiB: 20 },
  address: { host: "127.9.8.7", port: 2_222 },
  image: {
    ...{ name: "debian-12", digest: "d", diskPath: "/images/disk", kernelPath: "/images/k", initrdPath: "/images/i" },
    kernelArgs: "root=/dev/vda quiet",
  },
  accelerator: "tcg",
} as const;

const valuesOf = (argv: readonly string[], option: string): string[] =>
  argv.filter((_value, index) => argv[index - 1] === option);

it("renders shape, address, kernel and the file that tells our processes from others", () => {
  const argv = argumentsFrom(facts);

  expect(valuesOf(argv, "-smp")).toEqual(["3"]);
  expect(valuesOf(argv, "-m")).toEqual(["2048"]);
  expect(valuesOf(argv, "-netdev")[0]).toContain("hostfwd=tcp:127.9.8.7:2222-:22");
  expect(valuesOf(argv, "-append")).toEqual(["root=/dev/vda quiet no_timer_check panic=-1"]);
  expect(valuesOf(argv, "-pidfile")).toEqual(["/state/qemu/qemu-1,a/qemu.pid"]);
});

it("gives paths with commas as they are", () => {
  const blockdevs = valuesOf(argumentsFrom(facts), "-blockdev").map((text) => JSON.parse(text) as object);

  expect(blockdevs).toMatchObject([
    { file: { filename: "/state/qemu/qemu-1,a/disk.qcow2" } },
    { dir: "/state/qemu/qemu-1,a/seed", label: "cidata", "read-only": true },
  ]);
});

it.each([
  ["tcg", /^tcg,thread=multi/, "max,la57=off"],
  ["kvm", /^kvm$/, "host"],
  ["hvf", /^hvf$/, "host"],
] as const)("runs under %s with the processor that fits", (accelerator, accel, cpu) => {
  const argv = argumentsFrom({ ...facts, accelerator });

  expect(valuesOf(argv, "-accel")[0]).toMatch(accel);
  expect(valuesOf(argv, "-cpu")).toEqual([cpu]);
});
