import { describe, expect, it } from "vitest";
import { canWake, WAKE_DISK_BYTES, wakeDiskFrom } from "../../../../../src/drivers/qemu/golden/wake.ts";
import type { Identity } from "../../../../../src/ports/seed.ts";

const IDENTITY: Identity = {
  hostname: "m-1",
  engine: { id: "AAAA:BBBB", key: '{"kid":"AAAA:BBBB"}' },
  files: [{ path: "/etc/ssh/ssh_host_ed25519_key", content: "sécret\n", mode: 0o600, owner: "root" }],
  units: ["a.timer", "b.socket"],
};

const facts = (identity: Identity) => ({ identity, mac: "525400010203", now: 1_764_000_000_250 });

/** Reads a disk as the guest does. */
function recordsOf(disk: Buffer): [what: string, words: string, content: string][] {
  const [first = ""] = disk.toString("latin1").split("\n");
  const size = Number(/^mayfly-wake 1 (\d+)$/.exec(first)?.[1]);
  let rest = disk.subarray(first.length + 1, first.length + 1 + size);
  const records: [string, string, string][] = [];
  while (rest.length > 0) {
    const line = rest.subarray(0, rest.indexOf("\n")).toString();
    const [, what = "", bytes = "", words = ""] = /^(\w+) (\d+) (.*)$/.exec(line) ?? [];
    const from = Buffer.byteLength(line) + 1;
    records.push([what, words, rest.subarray(from, from + Number(bytes)).toString()]);
    rest = rest.subarray(from + Number(bytes) + 1);
  }
  return records;
}

describe("wakeDiskFrom", () => {
  it("says in order what the machine does to become its own: clock and randomness first", () => {
    const records = recordsOf(wakeDiskFrom(facts({ ...IDENTITY, engineSettings: "http://mirror:5000" })));

    expect(records).toEqual([
      ["time", "1764000000.250", ""],
      ["entropy", expect.stringMatching(/^[0-9a-f]{128}$/), ""],
      ["mac", "525400010203", ""],
      ["hostname", "m-1", ""],
      ["instance", "m-1", ""],
      ["file", "600 root /etc/ssh/ssh_host_ed25519_key", "sécret\n"],
      ["engine", "AAAA:BBBB", '{"kid":"AAAA:BBBB"}'],
      ["reload", "http://mirror:5000", ""],
      ["units", "a.timer b.socket", ""],
    ]);
  });

  it("hands in other randomness each time, and always a disk of the same size", () => {
    const disks = [wakeDiskFrom(facts(IDENTITY)), wakeDiskFrom(facts(IDENTITY))];

    expect(disks.map((disk) => disk.length)).toEqual([WAKE_DISK_BYTES, WAKE_DISK_BYTES]);
    expect(new Set(disks.map((disk) => recordsOf(disk)[1]?.[1])).size).toBe(2);
  });

  it("does not reload an engine whose settings are the template's", () => {
    expect(recordsOf(wakeDiskFrom(facts(IDENTITY))).map(([what]) => what)).not.toContain("reload");
  });
});

describe("canWake", () => {
  it.each([
    [
      "a file that does not fit",
      { files: [{ path: "/f", content: "x".repeat(WAKE_DISK_BYTES), mode: 0o644, owner: "root" }] },
    ],
    ["a path that ends the line", { files: [{ path: "/f\nunits 0 evil", content: "", mode: 0o644, owner: "root" }] }],
    ["a host name of two words", { hostname: "a b" }],
    ["a unit that is two", { units: ["a b"] }],
    ["settings of two lines", { engineSettings: "a\nb" }],
  ])("refuses %s", (_what, more: Partial<Identity>) => {
    expect(canWake({ ...IDENTITY, ...more })).toBe(false);
    expect(() => wakeDiskFrom(facts({ ...IDENTITY, ...more }))).toThrow();
  });

  it("takes an ordinary one", () => {
    expect(canWake(IDENTITY)).toBe(true);
  });
});
