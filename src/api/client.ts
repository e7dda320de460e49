import type { Duplex } from "node:stream";
import type { ConfigReload } from "../domain/configChange.ts";
import type { Job } from "../domain/job.ts";
import type { Machine } from "../domain/machine.ts";
import type { StageView } from "../domain/stage.ts";
import type { ExecOptions, RemoteProcess } from "../ports/channel.ts";
import type { Health } from "../ports/health.ts";
import type { ConfigDiff, InstanceView, LeaseView, Manager, PoolView } from "../ports/manager.ts";
import type { TimelineEvent } from "../ports/store.ts";
import type { JobWhy, PoolShadows, PoolWhy } from "../ports/explain.ts";
import { openRequest, readJson, responseTo, upgradeOf } from "./request.ts";
import { askJson } from "./ask.ts";
import { errorFromSocket } from "./socketErrors.ts";
import { KEY_HEADER } from "./keyHeader.ts";
import { EXEC_PROTOCOL, FORWARD_PROTOCOL } from "./protocols.ts";

/**
 * Creates a manager that asks the daemon at a unix socket. Connects at each call, so that creating it costs nothing.
 * Beside what a Manager throws: SystemError `no-daemon` when none answers, TransientError `connection-lost` when it breaks off.
 */
export function createApiClient(socketPath: string): Manager {
  const ask = async <Answer>(
    path: string,
    method: "GET" | "POST",
    body?: unknown,
    signal?: AbortSignal,
    key?: string,
  ) => {
    const headers = key === undefined ? {} : { [KEY_HEADER]: key };
    return (await askJson(socketPath, { method, path, headers, body, signal })) as Answer;
  };
  const get = <Answer>(path: string, signal?: AbortSignal) => ask<Answer>(path, "GET", undefined, signal);
  const post = <Answer>(path: string, body?: unknown, key?: string) => ask<Answer>(path, "POST", body, undefined, key);

  const upgrade = async (path: string, protocol: string, signal: AbortSignal) => {
    const headers = { connection: "Upgrade", upgrade: protocol };
    const request = await openRequest(socketPath, path, { headers, signal });
    return upgradeOf(request, socketPath, signal);
  };
  const exec = async (path: string, command: string, options: ExecOptions, signal: AbortSignal) => {
    // What most commands do without, and before the connection, as its end must not go unheard meanwhile.
    const { openExec } = await import("./execClient.ts");
    const { connection, head } = await upgrade(path, EXEC_PROTOCOL, signal);
    return openExec(connection, head, command, options, signal);
  };

  return {
    health: () => get<Health>("/v1/health"),
    reloadConfig: () => post<ConfigReload>("/v1/config/reload"),
    diffConfig: (text, fileName) => post<ConfigDiff>("/v1/config/diff", { text, fileName }),
    pools: () => get<readonly PoolView[]>("/v1/pools"),
    pool: (name) => get<PoolView>(`/v1/pools/${part(name)}`),
    poolShadows: (name) => get<PoolShadows>(`/v1/pools/${part(name)}/shadows`),
    poolWhy: (name) => get<PoolWhy>(`/v1/pools/${part(name)}/why`),
    cordonPool: (name) => post<PoolView>(`/v1/pools/${part(name)}/cordon`),
    drainPool: (name) => post<PoolView>(`/v1/pools/${part(name)}/drain`),
    resumePool: (name) => post<PoolView>(`/v1/pools/${part(name)}/resume`),
    cordonAll: () => post<readonly PoolView[]>("/v1/cordon"),
    drainAll: () => post<readonly PoolView[]>("/v1/drain"),
    resumeAll: () => post<readonly PoolView[]>("/v1/resume"),

    machines: (all) => get<readonly Machine[]>(`/v1/machines?all=${all}`),
    machine: (id) => get<Machine>(`/v1/machines/${part(id)}`),
    terminateMachine: (id) => post<Machine>(`/v1/machines/${part(id)}/terminate`),
    auditInstances: (signal) => get<readonly InstanceView[]>("/v1/instances", signal),
    reapStrangers: (signal) => ask<readonly InstanceView[]>("/v1/instances/reap", "POST", undefined, signal),
    execOnMachine: (id, command, options, signal): Promise<RemoteProcess> =>
      exec(`/v1/machines/${part(id)}/exec`, command, options, signal),

    acquireLease: (request, key) => post<LeaseView>("/v1/leases", request, key),
    leases: (all) => get<readonly LeaseView[]>(`/v1/leases?all=${all}`),
    awaitLease(id, waitMs, knownWhy, signal) {
      const why = knownWhy === undefined ? "" : `&knownWhy=${part(knownWhy)}`;
      return get<LeaseView>(`/v1/leases/${part(id)}/await?waitMs=${waitMs}${why}`, signal);
    },
    renewLease: (id) => post<LeaseView>(`/v1/leases/${part(id)}/renew`),
    releaseLease: (id) => post<LeaseView>(`/v1/leases/${part(id)}/release`),
    execOnLease: (id, command, options, signal): Promise<RemoteProcess> =>
      exec(`/v1/leases/${part(id)}/exec`, command, options, signal),
    forwardEngine: (id, signal) => forward(upgrade(`/v1/leases/${part(id)}/engine`, FORWARD_PROTOCOL, signal), signal),

    putArchive: (bytes, signal) => putArchive(socketPath, bytes, signal),
    submitJob: (spec, key) => post<Job>("/v1/jobs", spec, key),
    announcePipeline: (id, announcement) => post<{ readonly id: string }>(`/v1/pipelines/${part(id)}`, announcement),
    jobs: (all) => get<readonly Job[]>(`/v1/jobs?all=${all}`),
    job: (id) => get<Job>(`/v1/jobs/${part(id)}`),
    awaitJob: (id, waitMs, signal) => get<Job>(`/v1/jobs/${part(id)}/await?waitMs=${waitMs}`, signal),
    cancelJob: (id, force) => post<Job>(`/v1/jobs/${part(id)}/cancel?force=${force}`),
    jobEvents: (id) => get<readonly TimelineEvent[]>(`/v1/jobs/${part(id)}/events`),
    jobWhy: (id) => get<JobWhy>(`/v1/jobs/${part(id)}/why`),
    startStage: (id, request, key) => post<StageView>(`/v1/jobs/${part(id)}/stages`, request, key),
    awaitStage: (id, number, waitMs, signal) =>
      get<StageView>(`/v1/jobs/${part(id)}/stages/${number}/await?waitMs=${waitMs}`, signal),
    stopStage: (id, number) => post<StageView>(`/v1/jobs/${part(id)}/stages/${number}/stop`),
    stageLog: (id, number, offset, signal) =>
      readBytes(socketPath, `/v1/jobs/${part(id)}/stages/${number}/log?offset=${offset}`, signal),
    finishJob: (id) => post<Job>(`/v1/jobs/${part(id)}/finish`),
    jobLog: (id, offset, follow, signal) =>
      readBytes(socketPath, `/v1/jobs/${part(id)}/log?offset=${offset}&follow=${follow}`, signal),
  };
}

const part = encodeURIComponent;

async function forward(
  upgraded: Promise<{ readonly connection: Duplex; readonly head: Uint8Array }>,
  signal: AbortSignal,
): Promise<Duplex> {
  const { connection, head } = await upgraded;
  if (head.length > 0) connection.unshift(head);
  const onAbort = (): void => void connection.destroy(signal.reason as Error);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  connection.once("close", () => signal.removeEventListener("abort", onAbort));
  return connection;
}

async function putArchive(socketPath: string, bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string> {
  const headers = { "content-type": "application/x-tar" };
  const request = await openRequest(socketPath, "/v1/archives", { method: "POST", headers, signal });
  const source: { failure?: { readonly error: unknown } } = {};
  const watched = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield* bytes;
    } catch (error) {
      source.failure = { error };
      throw error;
    }
  };
  // The answer may come before the end of the upload, to say why no more is wanted; it tells of a broken upload too.
  process
    .getBuiltinModule("node:stream/promises")
    .pipeline(watched, request)
    .catch(() => undefined);
  try {
    const response = await responseTo(request, socketPath, signal);
    return ((await readJson(response, socketPath, signal)) as { archiveId: string }).archiveId;
  } catch (error) {
    throw source.failure === undefined ? error : source.failure.error;
  } finally {
    request.destroy();
  }
}

async function* readBytes(socketPath: string, path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const request = await openRequest(socketPath, path, { signal });
  request.end();
  const response = await responseTo(request, socketPath, signal);
  try {
    for await (const bytes of response) yield bytes as Buffer;
  } catch (error) {
    throw signal.aborted ? signal.reason : errorFromSocket(error, socketPath);
  } finally {
    response.destroy();
  }
}
