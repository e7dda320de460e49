import type { GitlabConfig } from "../../config/gitlab.ts";
import type { JobSpec } from "../../domain/job.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { GitlabHealth } from "../../ports/health.ts";
import type { Manager } from "../../ports/manager.ts";
import { startPoller } from "./api/poller.ts";
import type { Poller } from "./api/poller.ts";
import { createLearnedJobs } from "./learned.ts";
import { startWebhookListener } from "./listener.ts";
import type { WebhookListener } from "./listener.ts";
import { keepMemory, readMemory } from "./memory.ts";
import type { MemoryStore } from "./memory.ts";
import { createLookout } from "./lookout.ts";
import type { Lookout } from "./lookout.ts";

export interface GitlabDeps {
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Hears of a GitLab's jobs before they come, and tells the pools. Whatever of it fails, jobs come as they do without it.
 */
export interface GitlabDoor {
  /** Begins, for a manager that is there, with what an earlier one has learned. */
  start(
    manager: Pick<Manager, "announcePipeline">,
    store: MemoryStore,
    poolNames: () => ReadonlySet<string>,
  ): Promise<void>;
  /** Takes note of a job that is about to be submitted. Never throws. */
  noteJob(spec: Pick<JobSpec, "holder" | "variables" | "poolName">): void;
  /** Takes note of a lease that is about to be asked for by somebody who does not say for which job. Never throws. */
  noteArrival(poolName: string): void;
  health(): GitlabHealth;
  /** The port that webhooks come to; undefined while there is none. */
  port(): number | undefined;
  /** Resolves when it is not asking. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export function createGitlabDoor(config: GitlabConfig, { clock, logger: parent }: GitlabDeps): GitlabDoor {
  const logger = parent.child({ door: "gitlab" });
  let learned = createLearnedJobs();
  let stopKeeping: (() => Promise<void>) | undefined;
  const host = config.api && new URL(config.api.url).hostname;
  let lookout: Lookout | undefined;
  let webhooks: WebhookListener | undefined;
  let poller: Poller | undefined;
  const quietly = (run: () => void): void => {
    try {
      run();
    } catch (error) {
      // What it takes part in is a job's way to its machine.
      logger.error({ err: error }, "what is known of GitLab could not be told to the pools");
    }
  };

  return {
    async start(manager, store, poolNames) {
      learned = createLearnedJobs(await readMemory(store));
      stopKeeping = keepMemory(store, () => learned.memory(), { clock, logger });
      const tell: Parameters<typeof createLookout>[0]["announce"] = (id, announcement) => {
        manager.announcePipeline(id, announcement).catch((error: unknown) => {
          logger.debug({ err: error, id }, "an announcement was not taken");
        });
      };
      const { runners } = config;
      const known = createLookout({ runners, host, poolNames, learned, clock, announce: tell });
      lookout = known;
      const hear: Lookout["hear"] = (fact) => quietly(() => known.hear(fact));
      const hearScheduled: Lookout["hearScheduled"] = (...told) => quietly(() => known.hearScheduled(...told));
      webhooks = config.webhooks && startWebhookListener(config.webhooks, { clock, logger, hear });
      poller = config.api && startPoller(config.api, { clock, logger, hear, hearScheduled });
    },
    noteArrival: (poolName) => quietly(() => lookout?.noteArrival(poolName)),
    noteJob: (spec) => quietly(() => lookout?.noteJob(spec)),
    health() {
      const { pipelines, jobs } = lookout?.outlook() ?? { pipelines: 0, jobs: 0 };
      const sources = { webhooks: webhooks?.health(), api: poller?.health() };
      return { ...sources, pipelines, jobsToCome: jobs, knownNames: learned.size() };
    },
    port: () => webhooks?.port(),
    settled: async () => poller?.settled(),
    async stop() {
      await Promise.all([webhooks?.stop(), poller?.stop()]);
      await stopKeeping?.();
    },
  };
}
