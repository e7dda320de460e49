import { JobError, NotFoundError } from "../../domain/errors.ts";
import type { PullPolicy, RegistryLogin } from "../../domain/job.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Engine, ImageFacts } from "../../ports/engine.ts";
import type { Notes } from "../notes.ts";
import { configFrom, registryAuthFrom } from "./auth.ts";
import { taggedName } from "./reference.ts";

/** How often a long pull says how far it is. */
const PROGRESS_INTERVAL_MS = 10_000;

export interface PullDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly notes: Notes;
  /** The job's DOCKER_AUTH_CONFIG. */
  readonly authConfig: string | undefined;
  /** Tried where that has nothing for an image. */
  readonly logins?: readonly RegistryLogin[] | undefined;
}

/**
 * Has an image on the machine by its pull policies, each tried when the one before failed.
 * @throws JobError `image-pull-failed` with the registry's words when none worked.
 */
export async function provideImage(
  image: string,
  pullPolicy: readonly PullPolicy[] | undefined,
  deps: PullDeps,
  signal: AbortSignal,
): Promise<ImageFacts> {
  const policies = pullPolicy === undefined || pullPolicy.length === 0 ? (["always"] as const) : pullPolicy;
  let lastFailure: JobError | undefined;
  for (const [index, policy] of policies.entries()) {
    try {
      if (lastFailure !== undefined) {
        await deps.notes.warning(`Failed to pull image "${image}": ${lastFailure.message}`);
        await deps.notes.line(`Attempt #${index + 1}: Trying "${policy}" pull policy`);
      }
      const facts = await imageBy(policy, image, deps, signal);
      await deps.notes.line(`Using docker image ${facts.id} for ${image} ...`);
      return facts;
    } catch (error) {
      if (!(error instanceof JobError)) {
        throw error;
      }
      lastFailure = error;
    }
  }
  throw new JobError(
    "image-pull-failed",
    `failed to pull image "${image}" with specified policies [${policies.join(" ")}]: ${lastFailure?.message}`,
    { cause: lastFailure },
  );
}

async function imageBy(policy: PullPolicy, image: string, deps: PullDeps, signal: AbortSignal): Promise<ImageFacts> {
  const name = taggedName(image);
  if (policy !== "always") {
    const local = await localImage(name, deps.engine, signal);
    if (local !== undefined) {
      return local;
    }
    if (policy === "never") {
      throw new JobError(
        "image-not-local",
        `image "${image}" is not on the machine, and pull policy "never" forbids to pull it`,
      );
    }
  }
  await deps.notes.line(`Pulling docker image ${image} ...`);
  let toldAt = deps.clock.now();
  const onProgress = (text: string): void => {
    const now = deps.clock.now();
    if (now - toldAt >= PROGRESS_INTERVAL_MS) {
      toldAt = now;
      deps.notes.line(`${image}: ${text}`).catch(() => undefined);
    }
  };
  const auth = registryAuthFrom(deps.authConfig, image) ?? registryAuthFrom(configFrom(deps.logins), image);
  await deps.engine.pull(name, auth, onProgress, signal);
  return deps.engine.inspectImage(name, signal);
}

async function localImage(name: string, engine: Engine, signal: AbortSignal): Promise<ImageFacts | undefined> {
  try {
    return await engine.inspectImage(name, signal);
  } catch (error) {
    if (error instanceof NotFoundError) {
      return undefined;
    }
    throw error;
  }
}
