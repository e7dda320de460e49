import { createHash, timingSafeEqual } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { SystemError } from "../domain/errors.ts";

/** What accounts beside the owner and its group may do with a file. */
const OTHERS = 0o007;

export interface SecretRules {
  /** The key of the configuration that names the file, such as `api.token_file`. */
  readonly setting: string;
  /** Shorter ones can be guessed over a network. */
  readonly minLength: number;
  /** What a secret is, for whoever has none yet, such as "such as `openssl rand -hex 32` prints". */
  readonly example: string;
}

/**
 * Reads a secret of one word. No message holds any of it.
 * @throws SystemError `token-unusable` when it cannot be read, is too short, or can be read by everybody.
 */
export async function readSecretFile(file: string, { setting, minLength, example }: SecretRules): Promise<string> {
  const unusable = (why: string, cause?: unknown): SystemError =>
    new SystemError("token-unusable", `${setting} ${file} ${why}`, { cause });
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw unusable(`cannot be read (${error.code})`, error);
  });
  if (((await stat(file)).mode & OTHERS) !== 0) throw unusable("is open to every account; chmod 600 it");
  const secret = text.trim();
  if (!/^\S+$/.test(secret) || secret.length < minLength)
    throw unusable(`must hold one word of at least ${minLength} characters, ${example}`);
  return secret;
}

/** Tells whether a text is the secret. Takes as long for a wrong one as for the right one. */
export function matcherOf(secret: string): (text: string) => boolean {
  const digest = digestOf(secret);
  return (text) => timingSafeEqual(digestOf(text), digest);
}

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();
