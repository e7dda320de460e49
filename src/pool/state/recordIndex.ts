/** Records by id and by pool, in order of arrival; a replaced record keeps its place. */
export interface RecordIndex<Id extends string, Value extends { readonly id: Id; readonly poolName: string }> {
  put(value: Value): void;
  remove(value: { readonly id: Id; readonly poolName: string }): void;
  readonly get: (id: Id) => Value | undefined;
  /** All of them, or those of one pool, as they are now: a list that was handed out never changes. */
  readonly list: (poolName?: string) => readonly Value[];
  readonly count: (poolName?: string) => number;
  /** Names of the pools that have any. */
  readonly pools: () => Iterable<string>;
  /** The oldest of one pool. */
  readonly first: (poolName: string) => Value | undefined;
}

/** Creates an empty index: a pass over many pools must not look through all machines for each, nor copy what did not change. */
export function createRecordIndex<
  Id extends string,
  Value extends { readonly id: Id; readonly poolName: string },
>(): RecordIndex<Id, Value> {
  const all = createShelf<Id, Value>();
  const byPool = new Map<string, Shelf<Id, Value>>();

  return {
    put(value) {
      all.put(value);
      const pool = byPool.get(value.poolName) ?? createShelf<Id, Value>();
      if (pool.byId.size === 0) byPool.set(value.poolName, pool);
      pool.put(value);
    },
    remove({ id, poolName }) {
      all.remove(id);
      const pool = byPool.get(poolName);
      pool?.remove(id);
      if (pool?.byId.size === 0) byPool.delete(poolName);
    },
    get: (id) => all.byId.get(id),
    list: (poolName) => (poolName === undefined ? all : byPool.get(poolName))?.list() ?? [],
    count: (poolName) => (poolName === undefined ? all : byPool.get(poolName))?.byId.size ?? 0,
    pools: () => byPool.keys(),
    first: (poolName) => byPool.get(poolName)?.byId.values().next().value,
  };
}

interface Shelf<Id, Value> {
  readonly byId: ReadonlyMap<Id, Value>;
  put(value: Value): void;
  remove(id: Id): void;
  list(): readonly Value[];
}

/** Records with the list of them, which is made once between two changes. */
function createShelf<Id, Value extends { readonly id: Id }>(): Shelf<Id, Value> {
  const byId = new Map<Id, Value>();
  let listed: readonly Value[] | undefined;

  return {
    byId,
    put(value) {
      byId.set(value.id, value);
      listed = undefined;
    },
    remove(id) {
      if (byId.delete(id)) listed = undefined;
    },
    list: () => (listed ??= [...byId.values()]),
  };
}
