import { z } from "zod";
import { readSecretFile } from "../../../api/secretFile.ts";
import { NotFoundError, SystemError, TransientError } from "../../../domain/errors.ts";
import type { EpochMs } from "../../../domain/ids.ts";
import type { Clock } from "../../../ports/clock.ts";
import { withDeadline } from "../../../ports/deadline.ts";

const REQUEST_MS = 15_000;
const MAX_BODY_BYTES = 16 * 2 ** 20;
const GRAPHQL = "/api/graphql";
/** GitLab's own bound. Source: https://docs.gitlab.com/api/rest/#pagination */
const PER_PAGE = 100;
/** So much is left alone of what a rate limit leaves: others ask with the same account. */
const RESERVE = 10;
export const API_TOKEN_RULES = {
  ...{ setting: "gitlab.token_file", minLength: 16 },
  example: "an access token of GitLab of scope read_api, such as begins with glpat-",
};

export type Query = Readonly<Record<string, string | number | boolean>>;

/** GitLab's API, as far as it can be read. */
export interface GitlabApi {
  /**
   * Answers one thing.
   * @throws NotFoundError where there is none, or the token may not see it; SystemError where GitLab does not take the token, or
   * answers what is not understood; TransientError for what may pass by itself.
   */
  one<T>(path: string, schema: z.ZodType<T>, signal: AbortSignal): Promise<T>;
  /** Answers a list, page by page, `maxPages` at the most, and when it was asked for by GitLab's clock. @throws as `one`. */
  list<T>(
    path: string,
    query: Query,
    schema: z.ZodType<T[]>,
    maxPages: number,
    signal: AbortSignal,
  ): Promise<{ readonly items: readonly T[]; readonly askedAt: EpochMs }>;
  /** Answers a query of GraphQL. @throws as `one`. */
  query<T>(query: string, variables: object, schema: z.ZodType<T>, signal: AbortSignal): Promise<T>;
  /** Until when GitLab wants not to be asked, by our clock. */
  pausedUntil(): EpochMs;
}

/** @param url of the GitLab, without a slash at the end. The token is read from its file again for each request: it may be replaced. */
export function createGitlabApi(
  { url, tokenFile }: { readonly url: string; readonly tokenFile: string },
  clock: Clock,
): GitlabApi {
  let pausedUntil = 0;

  /** Source: https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers */
  const heedLimit = ({ status, headers }: Response): void => {
    const [after, left, reset] = ["retry-after", "ratelimit-remaining", "ratelimit-reset"].map((name) =>
      Number(headers.get(name) ?? Number.NaN),
    );
    if (status === 429) pausedUntil = clock.now() + 1_000 * (after !== undefined && after > 0 ? after : 60);
    else if (left !== undefined && left < RESERVE && reset !== undefined && reset > 0) {
      // By GitLab's clock, as the answer's date is.
      const date = Date.parse(headers.get("date") ?? "") || clock.now();
      pausedUntil = clock.now() + Math.min(600_000, Math.max(0, reset * 1_000 - date));
    }
  };
  const ask = async (
    path: string,
    target: URL,
    init: RequestInit,
    headersOf: (token: string) => Readonly<Record<string, string>>,
    signal: AbortSignal,
  ) => {
    if (clock.now() < pausedUntil) throw limitedError();
    const headers = headersOf(await readSecretFile(tokenFile, API_TOKEN_RULES));
    const late = (): Error => new TransientError("gitlab-late", `GitLab did not answer within ${REQUEST_MS / 1_000} s`);
    return withDeadline(clock, REQUEST_MS, late, signal, async (bounded) => {
      // One that leads elsewhere would take the token with it.
      const response = await fetch(target, { ...init, headers, redirect: "manual", signal: bounded }).catch(
        (cause: unknown) => {
          throw bounded.aborted ? bounded.reason : awayError(url, cause);
        },
      );
      heedLimit(response);
      if (!response.ok) throw await errorFrom(path, response);
      const date = Date.parse(response.headers.get("date") ?? "") || clock.now();
      return { text: await textOf(response), nextPage: response.headers.get("x-next-page") ?? "", date };
    });
  };
  const get = async <T>(path: string, query: Query, schema: z.ZodType<T>, signal: AbortSignal) => {
    const target = new URL(`${url}/api/v4${path}`);
    for (const [key, value] of Object.entries(query)) target.searchParams.set(key, String(value));
    const { text, ...rest } = await ask(path, target, {}, (token) => ({ "private-token": token }), signal);
    return { body: readBody(path, text, schema), ...rest };
  };

  return {
    one: async (path, schema, signal) => (await get(path, {}, schema, signal)).body,
    async list(path, query, schema, maxPages, signal) {
      const items = [];
      let askedAt: EpochMs | undefined;
      for (let page = 1, nextPage = "1"; page <= maxPages && nextPage !== ""; page += 1) {
        const asked = { per_page: PER_PAGE, ...query, page: nextPage };
        const answer = await get(path, asked, schema, signal);
        askedAt ??= answer.date;
        items.push(...answer.body);
        nextPage = answer.nextPage;
      }
      return { items, askedAt: askedAt ?? clock.now() };
    },
    async query(query, variables, schema, signal) {
      const init = { method: "POST", body: JSON.stringify({ query, variables }) };
      const headersOf = (token: string) => ({
        ...{ authorization: `Bearer ${token}`, "content-type": "application/json" },
      });
      const { text } = await ask(GRAPHQL, new URL(url + GRAPHQL), init, headersOf, signal);
      return readBody(GRAPHQL, text, z.object({ data: schema })).data;
    },
    pausedUntil: () => pausedUntil,
  };
}

async function textOf({ body }: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body ?? []) {
    size += part.length;
    if (size > MAX_BODY_BYTES)
      throw new SystemError("gitlab-odd", `GitLab answered more than ${MAX_BODY_BYTES / 2 ** 20} MiB`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function readBody<T>(path: string, text: string, schema: z.ZodType<T>): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new SystemError("gitlab-odd", `GitLab answered ${path} with what is no JSON; is \`gitlab.url\` right?`);
  }
  const { data, error } = schema.safeParse(json);
  if (error === undefined) return data;
  const places = error.issues.slice(0, 3).map(({ path: at, message }) => `${at.join(".")} (${message})`);
  throw new SystemError("gitlab-odd", `GitLab answered ${path} with what is not understood, at ${places.join(", ")}`);
}

const limitedError = (): TransientError =>
  new TransientError("gitlab-limited", "GitLab's rate limit is used up: it wants to be asked less often");

function awayError(url: string, error: unknown): TransientError {
  const cause = (error as { readonly cause?: { readonly code?: string; readonly message?: string } }).cause;
  const why = cause?.code ?? cause?.message ?? (error instanceof Error ? error.message : String(error));
  return new TransientError("gitlab-away", `${url} cannot be reached (${why})`, { cause: error });
}

/** No message holds anything of the answer: what it says is not ours to judge. */
async function errorFrom(path: string, response: Response): Promise<Error> {
  await response.body?.cancel();
  const { status } = response;
  if (status === 401 || status === 403)
    return new SystemError(
      "gitlab-refused",
      `GitLab does not take the token of \`gitlab.token_file\` for ${path} (${status}): it has expired, or is not of scope read_api`,
    );
  if (status === 404)
    return new NotFoundError("gitlab-not-found", `GitLab knows no ${path}, or its token may not see it (404)`);
  if (status === 429) return limitedError();
  if (status >= 500) return new TransientError("gitlab-ill", `GitLab answers ${path} with ${status}`);
  const where = status >= 300 && status < 400 ? "; is `gitlab.url` right?" : "";
  return new SystemError("gitlab-odd", `GitLab answers ${path} with ${status}${where}`);
}
