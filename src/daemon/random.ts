import { randomBytes, randomInt } from "node:crypto";
import type { Random } from "../ports/random.ts";

const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz";
/** 36^12 ids: a clash among a million is less likely than 1 in 10^6. */
const ID_LENGTH = 12;

/** Randomness of the operating system. */
export const systemRandom: Random = {
  id: (prefix) => `${prefix}-${Array.from({ length: ID_LENGTH }, () => DIGITS[randomInt(DIGITS.length)]).join("")}`,
  fraction: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
};
