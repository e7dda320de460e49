import type { ServicePlace } from "../../domain/jobProgress.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Engine } from "../../ports/engine.ts";
import { warningLine } from "../notes.ts";
import { within } from "../waits.ts";
import { serviceLog } from "./serviceLog.ts";

/** How long a job that failed waits to hear of its services. */
const QUESTION_TIMEOUT_MS = 20_000;

/**
 * A script that failed may have failed for a service that ended under it, and its own words (`no such host`) do not say so.
 * @returns a warning for each service that has ended, with its exit code and log; nothing when none has, or none can be asked.
 */
export async function endedServicesText(
  services: readonly ServicePlace[],
  { engine, clock }: { readonly engine: Engine; readonly clock: Clock },
  signal: AbortSignal,
): Promise<string | undefined> {
  const over = new AbortController();
  const untilOver = AbortSignal.any([signal, over.signal]);
  const asked = Promise.all(services.map((service) => textOf(service, engine, untilOver).catch(() => "")));
  const texts = await within(clock, QUESTION_TIMEOUT_MS, asked).finally(() => over.abort());
  const text = texts?.join("") ?? "";
  return text === "" ? undefined : text;
}

async function textOf({ name, containerId }: ServicePlace, engine: Engine, signal: AbortSignal): Promise<string> {
  const container = engine.containerById(containerId);
  const { isRunning, exitCode } = await container.inspect(signal);
  if (isRunning) {
    return "";
  }
  const log = await serviceLog(container, signal);
  return warningLine(`Service ${name} ended with exit code ${exitCode} before the job's script did.\n${log}`);
}
