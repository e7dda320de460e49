import type { EpochMs } from "../../domain/ids.ts";
import type { Instance } from "../../ports/driver.ts";
import { instanceFrom } from "../driver.ts";
import type { ProviderInstance } from "../provider.ts";
import type { World } from "./world.ts";

/** A list shows what was true so long ago, at the most, in milliseconds. */
export const STALE_MS = 30_000;

export type ListHistory = ReturnType<typeof createListHistory>;

/** Lists as they were: what a provider shows that has not caught up with itself. */
export function createListHistory({ clock }: World, ours: () => readonly ProviderInstance[]) {
  const snapshots: { readonly at: EpochMs; readonly instances: readonly Instance[] }[] = [];
  const now = (): readonly Instance[] => ours().map((instance) => instanceFrom(instance, clock.now()));
  return {
    now,
    keep() {
      snapshots.push({ at: clock.now(), instances: now() });
      while ((snapshots[1]?.at ?? Infinity) < clock.now() - STALE_MS) snapshots.shift();
    },
    asOf: (at: EpochMs): readonly Instance[] => snapshots.findLast((snapshot) => snapshot.at <= at)?.instances ?? [],
  };
}
