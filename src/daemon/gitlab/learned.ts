import { z } from "zod";

/** Kept in mind of each name: how long its last jobs took. */
const KEPT_DURATIONS = 20;
/** Names kept in mind; the one not heard of for longest goes first. */
const MAX_NAMES = 10_000;
/** So many jobs of a name in a row that came to no pool of ours mean that those to come will not, either. */
const MISSES = 3;

/** What is known of the jobs of one name in one project. */
interface Known {
  /** In milliseconds, oldest first. */
  durationsMs: number[];
  poolName?: string | undefined;
  misses: number;
  isManual: boolean;
}

const memorySchema = z.array(
  z.tuple([
    z.string(),
    z.object({
      durationsMs: z.array(z.number().min(0)).max(KEPT_DURATIONS),
      poolName: z.string().optional(),
      misses: z.number(),
      isManual: z.boolean(),
    }),
  ]),
);

/** What jobs that have been tell of those to come: by their project and their name. */
export interface LearnedJobs {
  noteDuration(projectId: number, name: string, ms: number): void;
  /** @param poolName undefined when it came to none of ours. */
  notePool(projectId: number, name: string, poolName: string | undefined): void;
  noteManual(projectId: number, name: string): void;
  /** In milliseconds, shortest first. */
  durationsOf(projectId: number, name: string): readonly number[];
  poolNameOf(projectId: number, name: string): string | undefined;
  isManual(projectId: number, name: string): boolean;
  /** Of how many names it is known how long their jobs take. */
  size(): number;
  /** All of it, as text that this module alone reads. */
  memory(): string;
}

/** @param memory what an earlier one had learned; text that is no such memory is nothing learned. */
export function createLearnedJobs(memory?: string, maxNames = MAX_NAMES): LearnedJobs {
  const byKey = new Map<string, Known>(readMemory(memory).slice(-maxNames));
  const keyOf = (projectId: number, name: string): string => `${projectId} ${name}`;
  const touch = (projectId: number, name: string): Known => {
    const key = keyOf(projectId, name);
    const known = byKey.get(key) ?? { durationsMs: [], misses: 0, isManual: false };
    byKey.delete(key);
    byKey.set(key, known);
    for (const oldest of byKey.keys()) {
      if (byKey.size <= maxNames) break;
      byKey.delete(oldest);
    }
    return known;
  };
  const find = (projectId: number, name: string): Known | undefined => byKey.get(keyOf(projectId, name));

  return {
    noteDuration(projectId, name, ms) {
      const known = touch(projectId, name);
      known.durationsMs = [...known.durationsMs, ms].slice(-KEPT_DURATIONS);
    },
    notePool(projectId, name, poolName) {
      const known = touch(projectId, name);
      known.misses = poolName === undefined ? known.misses + 1 : 0;
      if (poolName !== undefined || known.misses >= MISSES) known.poolName = poolName;
    },
    noteManual(projectId, name) {
      touch(projectId, name).isManual = true;
    },
    durationsOf: (projectId, name) => find(projectId, name)?.durationsMs.toSorted((a, b) => a - b) ?? [],
    poolNameOf: (projectId, name) => find(projectId, name)?.poolName,
    isManual: (projectId, name) => find(projectId, name)?.isManual ?? false,
    size: () => [...byKey.values()].filter(({ durationsMs }) => durationsMs.length > 0).length,
    memory: () => JSON.stringify([...byKey]),
  };
}

function readMemory(memory: string | undefined): [string, Known][] {
  try {
    return memorySchema.parse(JSON.parse(memory ?? "[]"));
  } catch {
    return [];
  }
}
