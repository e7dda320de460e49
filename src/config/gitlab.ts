import * as z from "zod";
import { absolutePath, boolean, duration, endpointUrl, idList, text } from "./fields.ts";
import { listenOrPort, placeFrom } from "./listen.ts";

const SECOND_MS = 1_000;
/** A path of groups and a project, or a project's number, as GitLab's API takes them. */
const PROJECT = /^(?:\d{1,12}|[A-Za-z0-9_][\w.-]*(?:\/[\w.-]+)+)$/;
const PROJECTS_RULE = 'paths or numbers of projects, such as "group/project" or "42"';
const POOL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** GitLab's own bound. Source: `ActsAsTaggableOn::Tag` in GitLab 18, 255 characters. */
const TAG = /^[^,\s][^,]{0,254}$/;
const MAX_PROJECTS = 200;
const MAX_RUNNERS = 100;

/** What `[[gitlab.runner]]` may hold. */
export const gitlabRunnerSchema = z.strictObject(
  {
    pool: text(POOL, "the name of a pool"),
    tags: idList(TAG, 'tags, such as "docker"', 50).optional(),
    run_untagged: boolean().prefault(false),
  },
  { error: "a table" },
);

/** What `[gitlab]` may hold. */
export const gitlabSchema = z.strictObject(
  {
    listen: listenOrPort().optional(),
    webhook_token_file: absolutePath().optional(),
    url: endpointUrl("https://gitlab.example.com").optional(),
    token_file: absolutePath().optional(),
    projects: idList(PROJECT, PROJECTS_RULE, MAX_PROJECTS).optional(),
    poll_interval: duration(5 * SECOND_MS).prefault("30s"),
    runner: z
      .array(gitlabRunnerSchema, { error: "an array of tables, each under [[gitlab.runner]]" })
      .max(MAX_RUNNERS, { error: `at most ${MAX_RUNNERS} tables` })
      .optional(),
  },
  { error: "a table" },
);

/** A runner of GitLab whose jobs come to a pool of ours, as GitLab knows it. */
export interface GitlabRunner {
  readonly poolName: string;
  /** It takes jobs all of whose tags are among these. */
  readonly tags: readonly string[];
  /** Whether it takes jobs without tags, too. */
  readonly runsUntagged: boolean;
}

/** Where the jobs of a GitLab are known from before they come: its webhooks, its API, or both. */
export interface GitlabConfig {
  readonly webhooks?:
    | {
        readonly listen: { readonly host: string; readonly port: number };
        /** Holds the token that GitLab sends with each of them. */
        readonly tokenFile: string;
      }
    | undefined;
  readonly api?:
    | {
        /** Of the GitLab, without a slash at the end. */
        readonly url: string;
        /** Holds a token that may read it. */
        readonly tokenFile: string;
        /** Paths or numbers, at least one. */
        readonly projects: readonly string[];
        /** In milliseconds, ≥ 5,000. */
        readonly pollIntervalMs: number;
      }
    | undefined;
  readonly runners: readonly GitlabRunner[];
}

/** Reads the table once it is known to be right. */
export function gitlabFrom(gitlab: z.output<typeof gitlabSchema> | undefined): GitlabConfig | undefined {
  if (gitlab === undefined) return undefined;
  const { listen, webhook_token_file: webhookTokenFile, url, token_file: tokenFile, projects } = gitlab;
  const { poll_interval: pollIntervalMs, runner = [] } = gitlab;
  return {
    webhooks:
      listen === undefined || webhookTokenFile === undefined
        ? undefined
        : { listen: placeFrom(listen), tokenFile: webhookTokenFile },
    api:
      url === undefined || tokenFile === undefined || projects === undefined
        ? undefined
        : { url: url.replace(/\/+$/, ""), tokenFile, projects, pollIntervalMs },
    runners: runner.map(({ pool: poolName, tags = [], run_untagged: runsUntagged }) => ({
      poolName,
      tags,
      runsUntagged,
    })),
  };
}
