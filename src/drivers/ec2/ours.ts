import type { Clock } from "../../ports/clock.ts";

/** The instances of our owner that a process has heard of. Of the clock it takes what never jumps: EC2's is another one. */
export interface Ours {
  has(instanceId: string): boolean;
  /** It was launched just now, or a describe has just shown it. */
  note(instanceId: string): void;
  /** How long ago it was first heard of, in milliseconds; Infinity when it never was. */
  knownForMs(instanceId: string): number;
  forget(instanceId: string): void;
  /** Forgets what was not noted for so long that EC2 shows no trace of it any more, if it ended then. */
  forgetOld(): void;
}

/** EC2 shows what has ended for about an hour. Until then one describe without an instance says nothing of it. */
const TRACE_MS = 3_600_000;

/** Knows of none yet. */
export function createOurs(clock: Pick<Clock, "monotonic">): Ours {
  const heard = new Map<string, { readonly firstAt: number; readonly lastAt: number }>();
  return {
    has: (id) => heard.has(id),
    note(id) {
      const lastAt = clock.monotonic();
      heard.set(id, { firstAt: heard.get(id)?.firstAt ?? lastAt, lastAt });
    },
    knownForMs: (id) => clock.monotonic() - (heard.get(id)?.firstAt ?? -Infinity),
    forget: (id) => void heard.delete(id),
    forgetOld() {
      for (const [id, { lastAt }] of heard) if (clock.monotonic() - lastAt > TRACE_MS) heard.delete(id);
    },
  };
}
