/** Takes a job's output as it comes. Resolving is the back-pressure. */
export type JobOutput = (bytes: Uint8Array) => Promise<void>;

/** Written, it resolves behind whatever is still being written. */
export const NOTHING = new Uint8Array(0);

/** Makes an output keep the order of calls that do not wait for each other. */
export function inOrder(output: JobOutput): JobOutput {
  let last: Promise<void> = Promise.resolve();
  return (bytes) => {
    const next = last.then(() => output(bytes));
    // A failed write reaches its own caller; the next one must still be tried.
    last = next.catch(() => undefined);
    return next;
  };
}
