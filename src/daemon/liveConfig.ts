import type { Config } from "../config/config.ts";
import type { ConfigEntry } from "../config/explain.ts";
import type { ExplainedConfig } from "../config/parse.ts";

/** The configuration in force. All that may change while a manager runs is asked for anew each time. */
export interface LiveConfig {
  current(): Config;
  /** Every value of it, as a file would write it. Empty for one that never came from a file. */
  entries(): readonly ConfigEntry[];
  replace(next: ExplainedConfig): void;
}

/** Holds a configuration until it is replaced. */
export function createLiveConfig(config: Config, entries: readonly ConfigEntry[] = []): LiveConfig {
  let inForce: ExplainedConfig = { config, entries };
  return {
    current: () => inForce.config,
    entries: () => inForce.entries,
    replace: (next) => {
      inForce = next;
    },
  };
}
