/** The authentication token of the one runner that a coordinator knows. */
export const RUNNER_TOKEN = "glrt-coordinator-for-tests";

/** The value that tells a runner whether the queue has changed since it last asked. */
export interface Queue {
  readonly value: string;
  change(): void;
  /** Resolves at the next change. */
  readonly changed: Promise<void>;
}

export function createQueue(): Queue {
  let count = 0;
  let next = Promise.withResolvers<void>();
  return {
    get value() {
      return `queue-${count}`;
    },
    get changed() {
      return next.promise;
    },
    change() {
      count += 1;
      next.resolve();
      next = Promise.withResolvers<void>();
    },
  };
}
