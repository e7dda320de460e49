import { JobError, MachineLostError, MayflyError, NotFoundError, SystemError } from "../../domain/errors.ts";

/** What dockerode throws for an answer that is not a success. */
interface Refusal {
  readonly statusCode: number;
  readonly json?: { readonly message?: string } | undefined;
  readonly message: string;
}

/** Classifies what went wrong while the engine was to do something, e.g. `create the container "job"`. */
export function engineErrorFrom(error: unknown, doing: string): unknown {
  if (isRefusal(error)) {
    const words = `Cannot ${doing}: ${wordsOf(error)}`;
    if (error.statusCode === 404) return new NotFoundError("engine-not-found", words);
    if (error.statusCode < 500) return new JobError("engine-refused", words);
    return new SystemError("engine-failed", words);
  }
  // sshd refuses a stream to a socket that nobody serves: on a machine that was ready, the engine is gone.
  if (error instanceof MayflyError && error.code !== "channel-refused") return error;
  return new MachineLostError("engine-lost", `Lost the machine's engine, which was to ${doing}: ${messageOf(error)}`);
}

export const isRefusal = (error: unknown): error is Refusal =>
  error instanceof Error && "statusCode" in error && typeof error.statusCode === "number";

/** The engine's own sentence, which for a pull is the registry's. dockerode puts its own words before it in a streamed answer. */
export const wordsOf = (error: Refusal): string =>
  (error.json?.message ?? error.message.replace(/^\(HTTP code \d+\) .*? - /, "")).trim();

/** Answers nothing when the engine says that the thing is gone, or already as wished. */
export async function ignoreRefusals(promise: Promise<unknown>, statusCodes: readonly number[]): Promise<void> {
  try {
    await promise;
  } catch (error) {
    if (!isRefusal(error) || !statusCodes.includes(error.statusCode)) throw error;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
