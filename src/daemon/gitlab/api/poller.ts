import type { GitlabConfig } from "../../../config/gitlab.ts";
import { NotFoundError, SystemError } from "../../../domain/errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Logger } from "../../../ports/logger.ts";
import type { GitlabHealth } from "../../../ports/health.ts";
import type { PipelineFact } from "../facts.ts";
import { createNeedsBook } from "./needs.ts";
import { watchProject } from "./project.ts";
import { watchSchedules } from "./schedules.ts";
import { createGitlabApi } from "./requests.ts";

/** A GitLab that does not answer is asked ever less often, up to this. */
const MAX_PAUSE_MS = 600_000;

export interface Poller {
  health(): NonNullable<GitlabHealth["api"]>;
  /** Resolves when no look is under way. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export interface PollerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hear: (fact: PipelineFact) => void;
  readonly hearScheduled: (project: string, facts: readonly PipelineFact[]) => void;
}

/**
 * Asks GitLab's API again and again what has changed, until it is stopped. Never rejects: pools do without it. A request that
 * fails is tried again with the next look alone, so that a GitLab that is ill is not asked more often for that.
 */
export function startPoller(
  config: NonNullable<GitlabConfig["api"]>,
  { clock, logger, hear, hearScheduled }: PollerDeps,
): Poller {
  const { url, projects, pollIntervalMs } = config;
  const stopping = new AbortController();
  const { signal } = stopping;
  const api = createGitlabApi(config, clock);
  let needless: string | undefined;
  const onNeedless = (why: string): void => {
    if (why !== needless)
      logger.info({ url, why }, "GitLab does not tell what jobs need: their stages say when they come");
    needless = why;
  };
  const watches = projects.map((project) => {
    const path = `/projects/${encodeURIComponent(project)}`;
    const pipelines = watchProject(path, api, createNeedsBook(url, api, onNeedless), clock, hear);
    const schedules = watchSchedules(path, api, clock, (facts) => hearScheduled(project, facts));
    return async (): Promise<void> => {
      await pipelines.look(signal);
      await schedules.look(signal);
    };
  });
  let problem: { readonly text: string; readonly since: number } | undefined;
  let isUp = false;
  let lastHeardAt: number | undefined;
  let failures = 0;
  let looking = Promise.resolve();

  const note = (text: string | undefined): void => {
    if (text === problem?.text) return;
    if (text === undefined) logger.info({ url, was: problem?.text }, "GitLab's API answers again");
    else logger.warn({ url, why: text }, "GitLab's API does not say what it is asked; it is asked again");
    problem = text === undefined ? undefined : { text, since: clock.now() };
  };
  /** Looks at all projects. One that is not there keeps none of the others from being looked at. */
  const look = async (): Promise<void> => {
    const missing: string[] = [];
    try {
      for (const watch of watches) {
        await watch().catch((error: unknown) => {
          if (!(error instanceof NotFoundError)) throw error;
          missing.push(error.message);
        });
        lastHeardAt = clock.now();
      }
      [isUp, failures] = [true, 0];
      note(missing.length === 0 ? undefined : missing.join("; "));
    } catch (error) {
      if (signal.aborted) return;
      isUp = false;
      failures += 1;
      note(error instanceof Error ? error.message : String(error));
    }
  };
  const lookAlways = async (): Promise<void> => {
    while (!signal.aborted) {
      looking = look();
      await looking;
      const pauseMs = Math.min(Math.max(MAX_PAUSE_MS, pollIntervalMs), pollIntervalMs * 2 ** Math.min(failures, 20));
      await clock.sleep(Math.max(pauseMs, api.pausedUntil() - clock.now()), signal).catch(() => undefined);
    }
  };

  const ended = lookAlways();
  return {
    health: () => ({ isUp, problem, lastHeardAt, url, projects: projects.length }),
    settled: () => looking,
    async stop() {
      stopping.abort(new SystemError("gitlab-stopped", "the manager was stopped"));
      await ended;
    },
  };
}
