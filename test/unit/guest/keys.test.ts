import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ssh2 from "ssh2";
import { expect, it } from "vitest";
import { machineIdFrom } from "../../../src/domain/ids.ts";
import { createKeys } from "../../../src/guest/keys.ts";

const machineId = machineIdFrom("machine-0123456789");

it("makes another pair for the host and for the client, and others for every machine", () => {
  const keys = [createKeys(machineId), createKeys(machineId)].flatMap(({ host, client }) => [host, client]);

  expect(new Set(keys.map((pair) => pair.publicKey)).size).toBe(4);
  expect(new Set(keys.map((pair) => pair.privateKey)).size).toBe(4);
});

it("makes pairs that ssh2 can sign and verify with, whatever bytes they start with", () => {
  const failures = Array.from({ length: 600 }, () => createKeys(machineId).host).filter((pair) => {
    const privateKey = ssh2.utils.parseKey(pair.privateKey);
    const publicKey = ssh2.utils.parseKey(pair.publicKey);
    if (privateKey instanceof Error || publicKey instanceof Error) return true;
    return publicKey.verify("text", privateKey.sign("text")) !== true;
  });

  expect(failures).toEqual([]);
});

it("makes private keys that OpenSSH loads and derives the same public key from", () => {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-keys-"));
  try {
    for (const [index, pair] of Array.from({ length: 12 }, () => createKeys(machineId).client).entries()) {
      const file = join(folder, `key-${index}`);
      writeFileSync(file, pair.privateKey, { mode: 0o600 });

      expect(execFileSync("ssh-keygen", ["-y", "-f", file], { encoding: "utf8" }).trim()).toBe(pair.publicKey);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
