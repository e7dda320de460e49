import type { LoadedConfig } from "../config/load.ts";

/** Where a manager's configuration comes from. */
export interface ConfigSource {
  /** Reads and checks it. @throws ConfigError with every problem. */
  load(): Promise<LoadedConfig>;
  /**
   * Calls back when it may have changed, once at the start too, and at each look while somebody is unsure of it. Answers how to
   * stop. @default nobody watches
   */
  readonly watch?: ((onChange: () => void, isUnsure: () => boolean) => () => Promise<void>) | undefined;
}
