import { readFile } from "node:fs/promises";
import { stringify } from "yaml";
import type { MirrorConfig } from "../../config/mirror.ts";
import { SystemError } from "../../domain/errors.ts";

/** What the upstream is asked with. Secret. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Carries the mark of the process that answers. */
export const MARK_HEADER = "x-mayfly-mirror";

export interface SettingsChoice {
  readonly credentials: Credentials | undefined;
  /** Whether it is a cache of the upstream, or serves what it has and asks nobody. */
  readonly asksUpstream: boolean;
  /** Tells this process from whatever else may answer at its place. */
  readonly mark: string;
}

/**
 * Renders docker-registry's settings.
 * Source: docs/configuration.md of github.com/distribution/distribution, v2.8.
 */
export function settingsFrom(
  { listen: { host, port }, upstream }: Pick<MirrorConfig, "listen" | "upstream">,
  cacheDir: string,
  { credentials, asksUpstream, mark }: SettingsChoice,
): string {
  return stringify({
    version: 0.1,
    log: { level: "error", accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: cacheDir },
      // What has been there for a week is removed by the registry itself.
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: false }, ...(asksUpstream ? {} : { readonly: { enabled: true } }) },
    },
    http: { addr: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`, headers: { [MARK_HEADER]: [mark] } },
    ...(asksUpstream ? { proxy: { remoteurl: upstream, ...credentials } } : {}),
  });
}

/** Reads the one line `USER:PASSWORD`. @throws SystemError `mirror-credentials` that names the file and never what it holds. */
export async function readCredentials(file: string): Promise<Credentials> {
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new SystemError("mirror-credentials", `mirror.credentials_file ${file} cannot be read (${cause.code})`);
  });
  const [line = "", ...more] = text.trimEnd().split("\n");
  const [, username, password] = /^([^\s:]+):(\S.*)$/.exec(line.trim()) ?? [];
  if (username === undefined || password === undefined || more.length > 0)
    throw new SystemError(
      "mirror-credentials",
      `Expected mirror.credentials_file ${file} to hold one line, USER:PASSWORD, got something else (not shown)`,
    );
  return { username, password };
}
