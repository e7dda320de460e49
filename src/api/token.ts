import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { readFile, stat } from "node:fs/promises";
import { SystemError } from "../domain/errors.ts";

/** Shorter ones can be guessed over a network. */
const MIN_TOKEN_LENGTH = 32;
/** What accounts beside the owner and its group may do with a file. */
const OTHERS = 0o007;

/** Tells whether a request carries the token. Takes as long for a wrong one as for the right one. */
export type Guard = (request: IncomingMessage) => boolean;

/**
 * Reads the token that requests must carry, as `Authorization: Bearer TOKEN`. No message holds any of it.
 * @throws SystemError when it cannot be read, is too short, or can be read by everybody.
 */
export async function createGuard(tokenFile: string): Promise<Guard> {
  const digest = digestOf(await readToken(tokenFile));
  return ({ headers }) => {
    const [, sent = ""] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "") ?? [];
    return timingSafeEqual(digestOf(sent), digest);
  };
}

async function readToken(file: string): Promise<string> {
  const unusable = (why: string, cause?: unknown): SystemError =>
    new SystemError("token-unusable", `api.token_file ${file} ${why}`, { cause });
  const token = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw unusable(`cannot be read (${error.code})`, error);
  });
  if (((await stat(file)).mode & OTHERS) !== 0) throw unusable("is open to every account; chmod 600 it");
  if (!/^\S+$/.test(token.trim()) || token.trim().length < MIN_TOKEN_LENGTH) {
    throw unusable(
      `must hold one word of at least ${MIN_TOKEN_LENGTH} characters, such as \`openssl rand -hex 32\` prints`,
    );
  }
  return token.trim();
}

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();
