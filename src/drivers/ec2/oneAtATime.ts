import type { Ec2Context } from "./context.ts";

/** Runs the launch of a token once another one of the same token has ended. Its signal aborts with the driver, too. */
export async function oneAtATime<T>(
  { launching, closing }: Ec2Context,
  token: string,
  signal: AbortSignal,
  launch: (either: AbortSignal) => Promise<T>,
): Promise<T> {
  for (let other = launching.get(token); other; other = launching.get(token)) await other;
  const ended = Promise.withResolvers<void>();
  launching.set(token, ended.promise);
  try {
    const either = AbortSignal.any([signal, closing.signal]);
    either.throwIfAborted();
    return await launch(either);
  } finally {
    launching.delete(token);
    ended.resolve();
  }
}
