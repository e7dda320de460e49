import { matcherOf, readSecretFile } from "../../api/secretFile.ts";
import type { GitlabConfig } from "../../config/gitlab.ts";
import { SystemError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { GitlabHealth } from "../../ports/health.ts";
import { aborted } from "../../ports/deadline.ts";
import type { PipelineFact } from "./facts.ts";
import type { Heard } from "./hooks.ts";
import { serveWebhooks } from "./webhooks.ts";

/** Pauses before it is tried again to listen: each twice as long. */
const PAUSE_MS = { first: 1_000, last: 60_000 } as const;
/** How often the file is read again since somebody came with another token: it may have been replaced. */
const REREAD_MS = 10_000;
/** How often it is said that webhooks are refused. */
const TELL_MS = 3_600_000;
/** The operator tells it to GitLab: it may be as long as can be. */
export const HOOK_TOKEN_RULES = {
  ...{ setting: "gitlab.webhook_token_file", minLength: 16 },
  example: "such as `openssl rand -hex 32` prints, the webhook's secret token in GitLab",
};

export interface WebhookListener {
  health(): NonNullable<GitlabHealth["webhooks"]>;
  /** The port that it listens on; undefined while it does not. */
  port(): number | undefined;
  stop(): Promise<void>;
}

export interface ListenerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hear: (fact: PipelineFact) => void;
}

/** Listens for webhooks until it is stopped, and tries again where it cannot. Never rejects: pools do without them. */
export function startWebhookListener(
  { listen, tokenFile }: NonNullable<GitlabConfig["webhooks"]>,
  { clock, logger, hear }: ListenerDeps,
): WebhookListener {
  const stopping = new AbortController();
  const { signal } = stopping;
  const counts = { taken: 0, other: 0, invalid: 0, refused: 0 };
  let port: number | undefined;
  let problem: { readonly text: string; readonly since: number } | undefined;
  let lastHeardAt: number | undefined;
  let lastRefusal: { readonly text: string; readonly at: number } | undefined;
  let toldAt = Number.NEGATIVE_INFINITY;
  let matches: (sent: string) => boolean = () => false;
  let readAt = Number.NEGATIVE_INFINITY;

  const readToken = async (): Promise<void> => {
    readAt = clock.monotonic();
    matches = matcherOf(await readSecretFile(tokenFile, HOOK_TOKEN_RULES));
  };
  const isToken = async (sent: string): Promise<boolean> => {
    if (matches(sent)) return true;
    if (clock.monotonic() - readAt < REREAD_MS) return false;
    // What cannot be read now leaves the token that was read before in force.
    await readToken().catch(() => undefined);
    return matches(sent);
  };
  const refuse = (text: string): void => {
    lastRefusal = { text, at: clock.now() };
    if (clock.monotonic() - toldAt < TELL_MS) return;
    toldAt = clock.monotonic();
    logger.warn({ why: text }, "a webhook was not taken; more of them are counted, and not told for an hour");
  };
  const onHeard = (heard: Heard): void => {
    if (heard.what === "invalid") {
      counts.invalid += 1;
      refuse(heard.why);
      return;
    }
    counts[heard.what === "other" ? "other" : "taken"] += 1;
    lastHeardAt = clock.now();
    if (heard.what !== "other") hear(heard.fact);
  };
  const onRefused = (): void => {
    counts.refused += 1;
    refuse("it came with another X-Gitlab-Token than is in gitlab.webhook_token_file");
  };
  const attend = async (): Promise<void> => {
    await readToken();
    const server = await serveWebhooks({ isToken, onHeard, onRefused }, listen);
    try {
      port = server.port;
      problem = undefined;
      logger.info({ host: listen.host, port }, "takes GitLab's webhooks");
      await aborted(signal);
    } finally {
      port = undefined;
      await server.close();
    }
  };
  const attendAlways = async (): Promise<void> => {
    for (let pauseMs: number = PAUSE_MS.first; !signal.aborted; pauseMs = Math.min(PAUSE_MS.last, pauseMs * 2)) {
      try {
        await attend();
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        if (problem?.text !== text) logger.warn({ why: text }, "GitLab's webhooks are not taken; it is tried again");
        problem = problem?.text === text ? problem : { text, since: clock.now() };
        await clock.sleep(pauseMs, signal).catch(() => undefined);
      }
    }
  };

  const ended = attendAlways();
  return {
    health: () => ({
      ...{ isUp: port !== undefined, problem, lastHeardAt, listen: `${listen.host}:${listen.port}` },
      ...{ ...counts, lastRefusal },
    }),
    port: () => port,
    async stop() {
      stopping.abort(new SystemError("gitlab-stopped", "the manager was stopped"));
      await ended;
    },
  };
}
