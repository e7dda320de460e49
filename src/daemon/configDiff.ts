import { diffConfigs, fixedKeyOf } from "../config/diff.ts";
import { explainConfig } from "../config/parse.ts";
import { effectOf } from "../planning/change.ts";
import type { Fleet } from "../pool/fleet.ts";
import type { ConfigDiff } from "../ports/manager.ts";
import type { LiveConfig } from "./liveConfig.ts";

/**
 * Tells what a file would change, and what that would do to the pools that it is about.
 * @param fileName how messages name the file.
 * @throws ConfigError with every problem of the text.
 */
export function diffAgainst(live: LiveConfig, fleet: Fleet, text: string, fileName: string): ConfigDiff {
  const before = live.current();
  const { config: after, entries } = explainConfig(text, fileName, before.stateDir);
  const changes = diffConfigs(live.entries(), entries);
  const names = new Set(changes.flatMap(({ poolName }) => (poolName === undefined ? [] : [poolName])));
  const pools = [...names].map((name) =>
    effectOf(
      {
        before: before.pools.find((pool) => pool.name === name),
        after: after.pools.find((pool) => pool.name === name),
        machines: fleet.state.machines(name),
        waitingLeases: fleet.state.waitingCount(name),
      },
      fleet.wallClock.now(),
    ),
  );
  return { changes, needsRestart: changes.flatMap((change) => fixedKeyOf(change) ?? []), pools };
}
