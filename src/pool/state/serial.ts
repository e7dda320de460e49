/**
 * Runs functions in order of arrival, none before the last is over: what is decided inside sees no half-made decision of another.
 * Those that say what they are about wait only for those that are about the same, and for those about everything, so that they
 * share their way to the disk; one that does not say is about everything.
 */
export type Serial = <T>(run: () => Promise<T>, about?: readonly string[]) => Promise<T>;

/** Creates an empty queue. */
export function createSerial(): Serial {
  let lastOfAll: Promise<unknown> = Promise.resolve();
  const lastAbout = new Map<string, Promise<unknown>>();
  return (run, about) => {
    const named = about?.flatMap((key) => lastAbout.get(key) ?? []) ?? lastAbout.values();
    const next = Promise.all([lastOfAll, ...named]).then(() => run());
    const over = next.catch(() => undefined);
    if (about === undefined) {
      lastOfAll = over;
      lastAbout.clear();
      return next;
    }
    for (const key of about) lastAbout.set(key, over);
    void over.then(() => {
      for (const key of about) if (lastAbout.get(key) === over) lastAbout.delete(key);
    });
    return next;
  };
}
