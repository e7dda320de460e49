/** Records by id and by pool, in order of arrival; a replaced record keeps its place. */
export interface RecordIndex<Id extends string, Value extends { readonly id: Id; readonly poolName: string }> {
  put(value: Value): void;
  remove(value: { readonly id: Id; readonly poolName: string }): void;
  readonly get: (id: Id) => Value | undefined;
  /** All of them, or those of one pool. */
  readonly list: (poolName?: string) => Value[];
  readonly count: (poolName?: string) => number;
  /** The oldest of one pool. */
  readonly first: (poolName: string) => Value | undefined;
}

/** Creates an empty index: a pass over many pools must not look through all machines for each. */
export function createRecordIndex<
  Id extends string,
  Value extends { readonly id: Id; readonly poolName: string },
>(): RecordIndex<Id, Value> {
  const byId = new Map<Id, Value>();
  const byPool = new Map<string, Map<Id, Value>>();

  return {
    put(value) {
      byId.set(value.id, value);
      const pool = byPool.get(value.poolName) ?? new Map<Id, Value>();
      byPool.set(value.poolName, pool.set(value.id, value));
    },
    remove({ id, poolName }) {
      byId.delete(id);
      const pool = byPool.get(poolName);
      pool?.delete(id);
      if (pool?.size === 0) byPool.delete(poolName);
    },
    get: (id) => byId.get(id),
    list: (poolName) => [...(poolName === undefined ? byId : (byPool.get(poolName) ?? new Map<Id, Value>())).values()],
    count: (poolName) => (poolName === undefined ? byId.size : (byPool.get(poolName)?.size ?? 0)),
    first: (poolName) => byPool.get(poolName)?.values().next().value,
  };
}
