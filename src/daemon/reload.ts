import { diffConfigs, fixedKeyOf } from "../config/diff.ts";
import { changeText } from "../domain/configChange.ts";
import type { ConfigChange, ConfigReload } from "../domain/configChange.ts";
import { ConfigError, ConflictError } from "../domain/errors.ts";
import type { EpochMs } from "../domain/ids.ts";
import { createSerial } from "../pool/state/serial.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { ConfigSource } from "./configSource.ts";
import type { LiveConfig } from "./liveConfig.ts";

export interface ReloadDeps {
  readonly live: LiveConfig;
  /** @default there is no file */
  readonly source: ConfigSource | undefined;
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
  /** Called when another configuration is in force. */
  readonly onApplied: () => void;
  /** Told of every read that changed something, or was refused. */
  readonly onRead?: ((outcome: "applied" | "refused") => void) | undefined;
}

/** Why the file is not what is in force, and since when. */
export interface ConfigProblem {
  readonly text: string;
  readonly since: EpochMs;
}

/** Brings what the file says into force. */
export interface Reloader {
  /**
   * Reads the file and applies it, all of it or nothing. Resolves when the next pass will go by it.
   * @param why who asked, for the log
   * @throws ConfigError when the file is broken, or changes what only a restart can; ConflictError when there is no file.
   */
  reload(why: string): Promise<ConfigReload>;
  /** Undefined when the last file was applied. */
  problem(): ConfigProblem | undefined;
  stop(): Promise<void>;
}

const WATCHED = "the file has changed";

/** Creates it and begins to watch the file. */
export function createReloader({ live, source, clock, logger, onApplied, onRead }: ReloadDeps): Reloader {
  const inTurn = createSerial();
  let problem: ConfigProblem | undefined;

  const note = (error: ConfigError, why: string): void => {
    const text = error.message;
    if (problem?.text === text && why === WATCHED) return;
    const since = problem?.text === text ? problem.since : clock.now();
    problem = { text, since };
    onRead?.("refused");
    logger.error({ problems: error.problems }, "config is not applied: what was in force stays so");
  };
  const apply = async (why: string): Promise<ConfigReload> => {
    if (source === undefined) throw new ConflictError("no-config-file", "this manager has no configuration file");
    try {
      const loaded = await source.load();
      const changes = diffConfigs(live.entries(), loaded.entries);
      refuseFixed(changes, loaded);
      if (problem !== undefined) logger.info({ was: problem.text }, "config is valid again");
      problem = undefined;
      if (changes.length > 0) {
        live.replace(loaded);
        for (const change of changes) logger.info({ ...change, why }, `config: ${changeText(change)}`);
        onApplied();
        onRead?.("applied");
      }
      return { path: loaded.path ?? "", changes };
    } catch (error) {
      if (error instanceof ConfigError) note(error, why);
      throw error;
    }
  };
  const reload = (why: string): Promise<ConfigReload> => inTurn(() => apply(why));
  const onChange = (): void => {
    reload(WATCHED).catch((error: unknown) => {
      if (!(error instanceof ConfigError)) logger.error({ err: error }, "config could not be read again");
    });
  };
  const stopWatching = source?.watch?.(onChange, () => problem !== undefined);
  return { reload, problem: () => problem, stop: async () => stopWatching?.() };
}

/** All or nothing: a file of which a part could be applied would say what is not so. */
function refuseFixed(changes: readonly ConfigChange[], { entries, path }: LoadedConfig): void {
  const problems = changes.flatMap((change) => {
    const key = fixedKeyOf(change);
    if (key === undefined) return [];
    const origin = entries.find((entry) => entry.path.join(".") === key)?.origin ?? "default";
    const message = `${changeText(change)}: a running daemon cannot change this. Restart it (SIGUSR2 keeps machines and jobs), or take the change back; nothing else of the file was applied`;
    return [{ place: origin === "default" ? (path ?? origin) : origin, message }];
  });
  if (problems.length > 0) throw new ConfigError(problems, "restart-needed");
}
