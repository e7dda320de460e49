/** Runs functions one after the other, in order of arrival. */
export type Serial = <T>(run: () => Promise<T>) => Promise<T>;

/** Creates a queue of one: what is decided inside sees no half-made decision of another. */
export function createSerial(): Serial {
  let last: Promise<unknown> = Promise.resolve();
  return (run) => {
    const next = last.then(run, run);
    last = next.catch(() => undefined);
    return next;
  };
}
