/** One difference between two configurations. Values are as a file would write them. */
export type ConfigChange =
  | { readonly what: "pool-added" | "pool-removed"; readonly poolName: string }
  | {
      readonly what: "value-changed";
      /** Absent for a value that is no pool's. */
      readonly poolName?: string | undefined;
      /** Within its pool, e.g. `qemu.cpus`, or within the file, e.g. `api.socket`. */
      readonly key: string;
      /** Absent where there was none. */
      readonly from?: string | undefined;
      /** Absent where there is none any more. */
      readonly to?: string | undefined;
    };

/** What became of a configuration that was read again. */
export interface ConfigReload {
  /** Where it was read from. */
  readonly path: string;
  /** Empty when it says what is in force already. */
  readonly changes: readonly ConfigChange[];
}

/** Says a difference in a line, e.g. `pool small: idle_count 1 → 3`. */
export function changeText(change: ConfigChange): string {
  switch (change.what) {
    case "pool-added":
      return `pool ${change.poolName} is added`;
    case "pool-removed":
      return `pool ${change.poolName} is removed`;
    case "value-changed": {
      const { poolName, key, from = "unset", to = "unset" } = change;
      return `${poolName === undefined ? "" : `pool ${poolName}: `}${key} ${from} → ${to}`;
    }
  }
}
