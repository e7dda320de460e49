import { JobError } from "../../domain/errors.ts";
import type { RegistryLogin } from "../../domain/job.ts";
import type { RegistryAuth } from "../../ports/engine.ts";
import { referenceFrom } from "./reference.ts";

/** Docker Hub's hosts, all one registry. */
const HUB_HOSTS = new Set(["index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"]);

interface AuthEntry {
  readonly auth?: unknown;
  readonly username?: unknown;
  readonly password?: unknown;
}

/**
 * Finds the credentials for an image in a DOCKER_AUTH_CONFIG; of several that fit, those with the longest path.
 * @throws JobError when the config cannot be read. No message holds any of it.
 */
export function registryAuthFrom(config: string | undefined, image: string): RegistryAuth | undefined {
  if (config === undefined || config.trim() === "") {
    return undefined;
  }
  const { registry, repository } = referenceFrom(image);
  const wanted = `${registryKey(registry)}/${repository}`;
  const fitting = Object.entries(parseAuths(config))
    .map(([address, entry]) => ({ address, entry, key: registryKey(address) }))
    .filter(({ key }) => wanted.startsWith(`${key}/`) || wanted === key)
    .sort((a, b) => b.key.length - a.key.length);
  const best = fitting[0];
  return best && credentialsFrom(best.entry, best.address);
}

/** Writes logins as a DOCKER_AUTH_CONFIG. */
export function configFrom(logins: readonly RegistryLogin[] = []): string {
  const auths = logins.map(({ server, username, password }) => [server, { username, password }]);
  return JSON.stringify({ auths: Object.fromEntries(auths) });
}

function parseAuths(config: string): Record<string, AuthEntry> {
  try {
    const parsed = JSON.parse(config) as { readonly auths?: Record<string, AuthEntry> } | null;
    return parsed?.auths ?? {};
  } catch {
    // The parser's own message would quote the config.
    throw new JobError("auth-config-invalid", "DOCKER_AUTH_CONFIG is not a Docker config in JSON");
  }
}

function registryKey(address: string): string {
  const bare = address
    .replace(/^https?:\/\//, "")
    .replace(/\/+$/, "")
    .replace(/\/v[12]$/, "");
  const [host = "", ...path] = bare.split("/");
  return [HUB_HOSTS.has(host) ? "docker.io" : host, ...path].join("/");
}

function credentialsFrom(entry: AuthEntry, serverAddress: string): RegistryAuth | undefined {
  if (typeof entry.username === "string" && typeof entry.password === "string") {
    return { username: entry.username, password: entry.password, serverAddress };
  }
  const decoded = typeof entry.auth === "string" ? Buffer.from(entry.auth, "base64").toString() : "";
  const colon = decoded.indexOf(":");
  if (colon === -1) {
    return undefined;
  }
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1), serverAddress };
}
