import { generateKeyPairSync, randomBytes } from "node:crypto";
import type { KeyPair, MachineKeys } from "../ports/guest.ts";

const KEY_TYPE = "ssh-ed25519";
/** Ciphers of OpenSSH pad to their block; "none" pads to 8 bytes. Source: OpenSSH's PROTOCOL.key. */
const BLOCK_BYTES = 8;
const LINE_CHARACTERS = 70;

/** Makes the two ed25519 pairs of one machine, or of several that are told the same: the host key and the manager's key. */
export function createKeys(name: string): MachineKeys {
  return { host: createKeyPair(name), client: createKeyPair(`mayfly@${name}`) };
}

/**
 * Makes one ed25519 pair in OpenSSH's formats. ssh2's own generator is not used: it drops leading zero bytes, so that about one
 * key in a hundred cannot be loaded by sshd (ssh2 1.17.0, measured in November 2026 against ssh-keygen 9.2).
 */
function createKeyPair(comment: string): KeyPair {
  const { x, d } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  if (x === undefined || d === undefined) throw new Error("An ed25519 key has no parts to export");
  const publicPart = Buffer.from(x, "base64url");
  const blob = Buffer.concat([field(KEY_TYPE), field(publicPart)]);
  return {
    publicKey: `${KEY_TYPE} ${blob.toString("base64")} ${comment}`,
    privateKey: privateKeyFile(blob, publicPart, Buffer.from(d, "base64url"), comment),
  };
}

/** The `openssh-key-v1` file of an unencrypted key. Source: OpenSSH's PROTOCOL.key. */
function privateKeyFile(blob: Buffer, publicPart: Buffer, seed: Buffer, comment: string): string {
  const check = randomBytes(4);
  const secret = Buffer.concat([
    check,
    check,
    field(KEY_TYPE),
    field(publicPart),
    field(Buffer.concat([seed, publicPart])),
    field(comment),
  ]);
  const padding = Buffer.from(Array.from({ length: -secret.length & (BLOCK_BYTES - 1) }, (_, index) => index + 1));
  const file = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    field("none"),
    field("none"),
    field(""),
    Buffer.from([0, 0, 0, 1]),
    field(blob),
    field(Buffer.concat([secret, padding])),
  ]);
  const lines = file.toString("base64").match(new RegExp(`.{1,${LINE_CHARACTERS}}`, "g")) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n");
}

function field(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
