import { createHash, createPublicKey } from "node:crypto";
import { expect, it } from "vitest";
import { createEngineKey } from "../../../src/guest/engineKey.ts";

it("makes a key whose name is that of its public half, as libtrust names it", () => {
  const { id, key } = createEngineKey();
  const jwk = JSON.parse(key) as Record<string, string>;
  const spki = createPublicKey({ format: "jwk", key: jwk }).export({ format: "der", type: "spki" });
  const hex = createHash("sha256").update(spki).digest("hex").slice(0, 60);
  const bits = BigInt(`0x${hex}`).toString(2).padStart(240, "0");
  const letters = (bits.match(/.{5}/g) ?? []).map(
    (five) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[Number.parseInt(five, 2)],
  );

  expect(id).toMatch(/^([A-Z2-7]{4}:){11}[A-Z2-7]{4}$/);
  expect(id.replaceAll(":", "")).toBe(letters.join(""));
  expect(jwk).toMatchObject({ kty: "EC", crv: "P-256", kid: id, d: expect.any(String) as string });
});

it("makes another one each time", () => {
  expect(createEngineKey().id).not.toBe(createEngineKey().id);
});
