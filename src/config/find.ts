import { join, resolve } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** What the place of files depends on. */
export interface Surroundings {
  readonly env: Environment;
  readonly cwd: string;
  readonly homeDir: string;
  readonly isRoot: boolean;
}

/**
 * Finds the config: the option, MAYFLY_CONFIG, ./mayfly.toml, /etc/mayfly/mayfly.toml; undefined when there is none.
 * A file that was named is answered whether or not it exists, so that a typing error is not met with defaults.
 */
export function findConfig(
  option: string | undefined,
  { env, cwd }: Pick<Surroundings, "env" | "cwd">,
  exists: (path: string) => boolean,
): string | undefined {
  const { MAYFLY_CONFIG } = env;
  const named = option ?? (MAYFLY_CONFIG || undefined);
  if (named !== undefined) return resolve(cwd, named);
  return [join(cwd, "mayfly.toml"), "/etc/mayfly/mayfly.toml"].find(exists);
}

/** Where state is kept when the config does not say. */
export function defaultStateDir({ env, homeDir, isRoot }: Pick<Surroundings, "env" | "homeDir" | "isRoot">): string {
  if (isRoot) return "/var/lib/mayfly";
  // The XDG base directory specification has relative values ignored.
  const { XDG_STATE_HOME = "" } = env;
  const stateHome = XDG_STATE_HOME.startsWith("/") ? XDG_STATE_HOME : join(homeDir, ".local/state");
  return join(stateHome, "mayfly");
}
