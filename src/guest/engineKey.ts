import { createHash, generateKeyPairSync } from "node:crypto";

/** Characters of RFC 4648's base32. */
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/** Of a key's digest, so much names it. */
const NAME_BYTES = 30;

/**
 * Makes the key that an engine calls itself by, as it would make it at its own first start: /etc/docker/key.json, and the name.
 * Source: libtrust's `keyIDFromCryptoKey` and `ecPrivateKey.toMap` (github.com/docker/libtrust), which Docker 20.10 uses.
 */
export function createEngineKey(): { readonly id: string; readonly key: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const digest = createHash("sha256")
    .update(publicKey.export({ format: "der", type: "spki" }))
    .digest();
  const id = (base32From(digest.subarray(0, NAME_BYTES)).match(/.{4}/g) ?? []).join(":");
  const { crv, d, kty, x, y } = privateKey.export({ format: "jwk" });
  return { id, key: JSON.stringify({ crv, d, kid: id, kty, x, y }) };
}

function base32From(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return (bits.match(/.{5}/g) ?? []).map((five) => BASE32.charAt(Number.parseInt(five, 2))).join("");
}
