import { createHash } from "node:crypto";
import { ConflictError } from "./errors.ts";

/** What a key may look like that a client makes for a request. */
export const REQUEST_KEY = /^[\w.-]{8,128}$/;

const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz";
const ID_LENGTH = 12;

/** A request that may be sent again, since its answer may have been lost. */
export interface KeyedRequest {
  /** Names what becomes of it: the same key gives the same id, for ever. */
  readonly id: string;
  /** Tells the same request from another one under its key. Salted by the key: it gives nothing of the request away. */
  readonly digest: string;
}

/** Reads a request under its key. @param prefix of the id, which has 12 characters of [0-9a-z] behind it. */
export function keyedRequestFrom(prefix: string, key: string, request: unknown): KeyedRequest {
  const name = createHash("sha256").update(`${prefix}\0${key}`).digest();
  const id = Array.from(name.subarray(0, ID_LENGTH), (byte) => DIGITS[byte % DIGITS.length]).join("");
  const digest = createHash("sha256")
    .update(`${key}\0${JSON.stringify(request, inOrder)}`)
    .digest("hex");
  return { id: `${prefix}-${id}`, digest };
}

/** @throws ConflictError `request-key-reused` when what is stored under a key came of another request. */
export function checkSameRequest(stored: string | undefined, { id, digest }: KeyedRequest): void {
  if (stored === digest) return;
  throw new ConflictError("request-key-reused", `${id} came of another request under this key; make a new key`);
}

/** Two requests that say the same are the same, in whatever order they say it. */
function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
