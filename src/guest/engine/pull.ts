import type { Readable } from "node:stream";
import { JobError } from "../../domain/errors.ts";
import type { RegistryAuth } from "../../ports/engine.ts";
import type { EngineConnection } from "./call.ts";
import { call } from "./call.ts";
import { isRefusal, wordsOf } from "./errors.ts";

/** One line of the engine's answer to a pull. */
interface PullEvent {
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string };
}

/** Pulls an image. @throws JobError `image-pull-failed` with the registry's words. */
export async function pullImage(
  connection: EngineConnection,
  image: string,
  auth: RegistryAuth | undefined,
  onProgress: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  await call(connection, `pull image "${image}"`, signal, async (either) => {
    const answer = await requestPull(connection, image, auth, either);
    const onAbort = (): void => void answer.destroy();
    either.addEventListener("abort", onAbort, { once: true });
    try {
      await followPull(answer, image, onProgress);
    } finally {
      either.removeEventListener("abort", onAbort);
    }
  });
}

async function requestPull(
  { docker }: EngineConnection,
  image: string,
  auth: RegistryAuth | undefined,
  abortSignal: AbortSignal,
): Promise<Readable> {
  const query = { ...referenceFrom(image), abortSignal };
  try {
    if (auth === undefined) return (await docker.createImage(query)) as Readable;
    const { username, password, serverAddress: serveraddress } = auth;
    return (await docker.createImage({ username, password, serveraddress }, query)) as Readable;
  } catch (error) {
    throw isRefusal(error) ? pullFailed(image, wordsOf(error)) : error;
  }
}

async function followPull(answer: Readable, image: string, onProgress: (text: string) => void): Promise<void> {
  const summarise = createSummary(onProgress);
  let isComplete = false;
  for await (const event of eventsFrom(answer)) {
    if (event.error !== undefined) throw pullFailed(image, event.errorDetail?.message ?? event.error);
    isComplete ||= event.status?.startsWith("Status: ") ?? false;
    summarise(event);
  }
  // An engine that dies in the middle of a pull ends its answer in a regular way.
  if (!isComplete) throw new Error("it stopped in the middle");
}

/** Without a tag the engine's API would pull every tag there is. */
function referenceFrom(image: string): { fromImage: string; tag?: string } {
  const hasTag = /[:@][^/]*$/.test(image);
  return hasTag ? { fromImage: image } : { fromImage: image, tag: "latest" };
}

const pullFailed = (image: string, words: string): JobError =>
  new JobError("image-pull-failed", `cannot pull image "${image}": ${words.trim()}`);

async function* eventsFrom(answer: Readable): AsyncGenerator<PullEvent> {
  let rest = "";
  answer.setEncoding("utf8");
  for await (const chunk of answer as AsyncIterable<string>) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield JSON.parse(line) as PullEvent;
  }
  if (rest.trim() !== "") yield JSON.parse(rest) as PullEvent;
}

/** Says what is fetched and each finished layer; not the hundreds of ticks between. */
function createSummary(onProgress: (text: string) => void): (event: PullEvent) => void {
  const bytesByLayer = new Map<string, number>();
  let finished = 0;
  return ({ status, id, progressDetail }) => {
    if (status === undefined) return;
    if (status.startsWith("Pulling from ") || id === undefined) return onProgress(status);
    bytesByLayer.set(id, progressDetail?.total ?? bytesByLayer.get(id) ?? 0);
    if (status !== "Pull complete") return;
    finished += 1;
    onProgress(`Layer ${finished} of ${bytesByLayer.size} complete (${sizeFrom(bytesByLayer.get(id) ?? 0)})`);
  };
}

const sizeFrom = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`;
