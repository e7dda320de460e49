import { describe, expect, it } from "vitest";
import { goldenKeyFrom } from "../../../../../src/drivers/qemu/golden/key.ts";
import type { GoldenFacts } from "../../../../../src/drivers/qemu/golden/key.ts";

const FACTS: GoldenFacts = {
  image: {
    ...{
      name: "debian-12",
      digest: "d1",
      diskPath: "/i/disk.qcow2",
      kernelPath: "/i/vmlinuz",
      initrdPath: "/i/initrd.img",
    },
    kernelArgs: "quiet",
  },
  shape: { driver: "qemu", image: "debian-12", cpus: 2, memoryMiB: 1_024, diskGiB: 20 },
  accelerator: "tcg",
  qemuVersion: "QEMU emulator version 7.2.22",
  template: { userData: "#cloud-config\n", metaData: "instance-id: template\n" },
};

describe("goldenKeyFrom", () => {
  it("names equal facts alike", () => {
    expect(goldenKeyFrom(structuredClone(FACTS))).toBe(goldenKeyFrom(FACTS));
    expect(goldenKeyFrom(FACTS)).toMatch(/^[0-9a-f]{16}$/);
  });

  it.each<[string, Partial<GoldenFacts>]>([
    ["image", { image: { ...FACTS.image, digest: "d2" } }],
    ["kernel's arguments", { image: { ...FACTS.image, kernelArgs: "debug" } }],
    ["processors", { shape: { ...FACTS.shape, cpus: 1 } }],
    ["memory", { shape: { ...FACTS.shape, memoryMiB: 2_048 } }],
    ["disk", { shape: { ...FACTS.shape, diskGiB: 10 } }],
    ["accelerator", { accelerator: "kvm" }],
    ["QEMU", { qemuVersion: "QEMU emulator version 8.0.0" }],
    ["account or settings", { template: { ...FACTS.template, userData: "#cloud-config\nusers: []\n" } }],
  ])("names those with another %s otherwise", (_what, other) => {
    expect(goldenKeyFrom({ ...FACTS, ...other })).not.toBe(goldenKeyFrom(FACTS));
  });
});
