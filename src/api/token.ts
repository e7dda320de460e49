import type { IncomingMessage } from "node:http";
import { matcherOf, readSecretFile } from "./secretFile.ts";

/** Tells whether a request carries the token. Takes as long for a wrong one as for the right one. */
export type Guard = (request: IncomingMessage) => boolean;

/**
 * Reads the token that requests must carry, as `Authorization: Bearer TOKEN`. No message holds any of it.
 * @throws SystemError when it cannot be read, is too short, or can be read by everybody.
 */
export async function createGuard(tokenFile: string): Promise<Guard> {
  const rules = { setting: "api.token_file", minLength: 32, example: "such as `openssl rand -hex 32` prints" };
  const isToken = matcherOf(await readSecretFile(tokenFile, rules));
  return ({ headers }) => {
    const [, sent = ""] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "") ?? [];
    return isToken(sent);
  };
}
