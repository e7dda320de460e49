import type { EpochMs } from "../../domain/ids.ts";
import type { Strike } from "../faults/active.ts";
import type { World } from "./world.ts";

/** How long a list may be without an instance, in milliseconds. */
const OMITTED_MS = 30_000;

/** Which instances a list is without; none for longer than a list may be stale, but some again and again. */
export function createOmissions({ clock }: World) {
  const since = new Map<string, EpochMs>();
  return {
    isOmitted(providerId: string, { draw }: Strike): boolean {
      const first = since.get(providerId);
      if (first === undefined && draw.chance(0.3)) {
        since.set(providerId, clock.now());
        return true;
      }
      if (first !== undefined && clock.now() - first < OMITTED_MS) return true;
      // It is shown for once; a later list may be without it again.
      since.delete(providerId);
      return false;
    },
  };
}
