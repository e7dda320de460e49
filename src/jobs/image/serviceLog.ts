import type { Container } from "../../ports/engine.ts";

const LOG_LINES = 50;
/** A line may be as long as it likes; a job's record holds what is said of its end. */
const LOG_CHARS = 16_384;

/** The end of a service's log under its heading, as GitLab's runner shows it. */
export async function serviceLog(container: Container, signal: AbortSignal): Promise<string> {
  const log = await container.tail(LOG_LINES, signal);
  return `Service container logs:\n${log.slice(-LOG_CHARS)}`;
}
