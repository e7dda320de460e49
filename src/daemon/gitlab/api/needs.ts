import { z } from "zod";
import { TransientError } from "../../../domain/errors.ts";
import type { JobFact } from "../facts.ts";
import type { ListedPipeline } from "./pipelines.ts";
import type { GitlabApi } from "./requests.ts";

/** Pages of jobs that are read at the most, of a hundred each. */
const MAX_PAGES = 10;

/** Source: `CiJob` and `CiBuildNeed` of GitLab 18, app/graphql/types/ci; `schedulingType` is `dag` where a job uses `needs`. */
const QUERY = `query($path: ID!, $iid: ID!, $after: String) {
  project(fullPath: $path) {
    pipeline(iid: $iid) {
      jobs(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes { name schedulingType manualJob needs { nodes { name } } }
      }
    }
  }
}`;

const text = z.string();
const answerSchema = z.object({
  project: z.object({
    pipeline: z.object({
      jobs: z.object({
        pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: text.nullish() }),
        nodes: z.array(
          z.object({
            name: text.nullish(),
            schedulingType: text.nullish(),
            manualJob: z.boolean().nullish(),
            needs: z.object({ nodes: z.array(z.object({ name: text.nullish() })) }).nullish(),
          }),
        ),
      }),
    }),
  }),
});

/** What the REST API does not tell of a pipeline's jobs, by their names. */
export type Needs = ReadonlyMap<string, Pick<JobFact, "needs" | "when">>;

/** Asks for the needs of pipelines, once for each. */
export interface NeedsBook {
  /** Answers none where they cannot be had: the stages' order is what is known then. @throws the signal's reason alone. */
  needsOf(pipeline: ListedPipeline, signal: AbortSignal): Promise<Needs>;
  forget(pipelineId: number): void;
}

/** @param onFailure is told why needs cannot be had. */
export function createNeedsBook(url: string, api: GitlabApi, onFailure: (why: string) => void): NeedsBook {
  const byPipeline = new Map<number, Needs>();

  const ask = async (pipeline: ListedPipeline, signal: AbortSignal): Promise<Needs> => {
    const path = fullPathOf(pipeline, url);
    if (path === undefined || pipeline.iid === undefined) return new Map();
    const needs = new Map<string, Pick<JobFact, "needs" | "when">>();
    let after: string | null = null;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const variables: object = { path, iid: `${pipeline.iid}`, after };
      const { pageInfo, nodes } = (await api.query(QUERY, variables, answerSchema, signal)).project.pipeline.jobs;
      for (const { name, schedulingType, manualJob, needs: needed } of nodes) {
        const names = needed?.nodes.flatMap((need) => need.name ?? []) ?? [];
        const told = {
          needs: schedulingType === "dag" ? names : undefined,
          when: manualJob === true ? "manual" : undefined,
        };
        if (typeof name === "string") needs.set(name, told);
      }
      if (!pageInfo.hasNextPage || typeof pageInfo.endCursor !== "string") break;
      after = pageInfo.endCursor;
    }
    return needs;
  };

  return {
    async needsOf(pipeline, signal) {
      const known = byPipeline.get(pipeline.id);
      if (known !== undefined) return known;
      try {
        const needs = await ask(pipeline, signal);
        byPipeline.set(pipeline.id, needs);
        return needs;
      } catch (error) {
        signal.throwIfAborted();
        onFailure(error instanceof Error ? error.message : String(error));
        // What may pass by itself is asked for again with the next look.
        if (!(error instanceof TransientError)) byPipeline.set(pipeline.id, new Map());
        return new Map();
      }
    },
    forget: (pipelineId) => void byPipeline.delete(pipelineId),
  };
}

/** The project's path, which GraphQL wants, from the address of one of its pipelines. */
function fullPathOf({ web_url: address }: ListedPipeline, url: string): string | undefined {
  if (address?.startsWith(`${url}/`) !== true) return undefined;
  return /^(.+?)(?:\/-)?\/pipelines\/\d+$/.exec(address.slice(url.length + 1))?.[1];
}
