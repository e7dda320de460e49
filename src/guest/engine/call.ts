import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type Docker from "dockerode";
import { engineErrorFrom } from "./errors.ts";

/** One machine's engine. */
export interface EngineConnection {
  readonly docker: Docker;
  /** Aborts with MachineLostError once the machine's channel has ended. */
  readonly lost: AbortSignal;
}

/**
 * Runs one call of the engine and classifies its errors. Ends with the signal or the loss whatever the call does: dockerode
 * never settles when a connection breaks between an answer's head and its end (docker-modem 5, no listener on the response).
 */
export async function call<Answer>(
  { lost }: EngineConnection,
  doing: string,
  signal: AbortSignal,
  run: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const either = AbortSignal.any([signal, lost]);
  either.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(either.reason);
  either.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([run(either), aborted]);
  } catch (error) {
    if (either.aborted) throw either.reason;
    throw engineErrorFrom(error, doing);
  } finally {
    either.removeEventListener("abort", onAbort);
  }
}

/** Reads a whole answer that may take long to come. Rejects, unlike dockerode's own methods, when it breaks off. */
export async function readAnswer(
  { docker }: EngineConnection,
  method: "GET" | "POST",
  path: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const answer = await new Promise<Readable>((resolve, reject) => {
    docker.modem.dial(
      {
        path: `${path}?`,
        method,
        options: { _query: query, _body: {} },
        isStream: true,
        statusCodes: { 200: true },
        abortSignal: signal,
      },
      (error, answered) => (error === null ? resolve(answered as Readable) : reject(error)),
    );
  });
  return text(answer);
}
