import type { EpochMs, JobId, LeaseId, MachineId } from "./ids.ts";

/** When an image is fetched: GitLab's words. */
export type PullPolicy = "always" | "if-not-present" | "never";

/** The image that a job runs in. */
export interface JobImage {
  readonly name: string;
  /** Replaces the image's entrypoint; `[""]` or `[]` clears it. */
  readonly entrypoint?: readonly string[] | undefined;
  readonly user?: string | undefined;
  /** Tried in order. @default ["always"] */
  readonly pullPolicy?: readonly PullPolicy[] | undefined;
}

/** A further container beside the job. */
export interface JobService {
  readonly name: string;
  /** Names beside those that follow from the image's name. */
  readonly aliases: readonly string[];
  readonly entrypoint?: readonly string[] | undefined;
  readonly command?: readonly string[] | undefined;
  readonly variables: Readonly<Record<string, string>>;
  readonly pullPolicy?: readonly PullPolicy[] | undefined;
}

/** What opens one registry to pulls of a job's images. Secret. */
export interface RegistryLogin {
  /** As a Docker config names it: a host, or a URL. */
  readonly server: string;
  readonly username: string;
  readonly password: string;
}

/** A job whose scripts come one by one, from whoever holds it, and not with its spec. */
export interface StagedTerms {
  /** Its holder must give a sign of life within this, in milliseconds, ≥ 1,000; else the job ends as cancelled. */
  readonly ttlMs: number;
}

/** What a front door asks to have run on one fresh machine. */
export interface JobSpec {
  readonly name: string;
  readonly poolName: string;
  /** For people: `ci`, `run`, … */
  readonly holder: string;
  /** Without it the script runs on the machine itself. */
  readonly image?: JobImage | undefined;
  readonly services: readonly JobService[];
  /** Names match [A-Za-z_][A-Za-z0-9_]*; values hold any character but NUL. */
  readonly variables: Readonly<Record<string, string>>;
  /** Commands, run in order in one shell together with `script`; the first that fails ends them. */
  readonly beforeScript: readonly string[];
  /** At least one command, unless the job is staged. Together with beforeScript at most 16 MiB. */
  readonly script: readonly string[];
  /** How `script` is written: `base64` holds each command's bytes, for those that are no text. @default "utf8" */
  readonly scriptEncoding?: "utf8" | "base64" | undefined;
  /** Commands in a shell of their own, run even after failure, timeout and cancellation. */
  readonly afterScript: readonly string[];
  /** Prints each command, after `$ `, before it runs, and the runner's own lines between. Without it, the log is the job's output and warnings. */
  readonly echoCommands: boolean;
  /** Bound of before_script and script together, or of all stages of a staged job, in milliseconds. @default the pool's jobTimeoutMs, also its upper bound */
  readonly timeoutMs?: number | undefined;
  /** Id of an uploaded tar archive that is unpacked into the job's directory. */
  readonly archiveId?: string | undefined;
  /** For pulls alone, after the job's DOCKER_AUTH_CONFIG. Never part of the job's surroundings. */
  readonly registryLogins?: readonly RegistryLogin[] | undefined;
  /** Makes it a staged job: it has no scripts of its own, and stays on its machine until its holder finishes it. */
  readonly staged?: StagedTerms | undefined;
  /** How long the job may wait for a machine, in milliseconds. @default 1 h */
  readonly waitTimeoutMs?: number | undefined;
}

/** How long each part of a job took, in milliseconds, one after the other; absent where it did not happen. */
export interface PhasesMs {
  /** From acceptance until a machine was held. */
  readonly queued?: number;
  /** The archive unpacked. */
  readonly leased?: number;
  /** Images fetched, network and container made. */
  readonly pulled?: number;
  /** From the services' start until their ports were open. */
  readonly services?: number;
  /** before_script and script. */
  readonly script?: number;
  readonly after?: number;
  /** From the lease's end until nothing was left of the machine. */
  readonly released?: number;
}

/** The typed end of a job. */
export type JobEnd =
  | { readonly result: "success"; readonly exitCode: 0 }
  | { readonly result: "failed"; readonly exitCode: number; readonly message: string }
  | { readonly result: "timeout"; readonly message: string }
  | { readonly result: "cancelled"; readonly message: string }
  /** Safe to run again: the job is not at fault. */
  | { readonly result: "machine-lost"; readonly message: string }
  /** No machine could be had, or the manager failed. Safe to run again. */
  | { readonly result: "system-failure"; readonly message: string };

export type JobResult = JobEnd["result"];

interface JobBase {
  readonly id: JobId;
  readonly name: string;
  readonly poolName: string;
  readonly holder: string;
  readonly createdAt: EpochMs;
  readonly leaseId?: LeaseId | undefined;
  readonly machineId?: MachineId | undefined;
  readonly startedAt?: EpochMs | undefined;
  readonly phasesMs: PhasesMs;
  /** In US dollars, what its machine has cost from its launch on, since no other job had it. Never stored: told when somebody asks. */
  readonly costUsd?: number | undefined;
  /** Who asked it to end before it had: its owner, or a manager that stopped. Stored before the owner is answered. */
  readonly cancelledBy?: "owner" | "manager" | undefined;
  /** Of a submit that carried a key: tells it, sent again, from another one. */
  readonly requestDigest?: string | undefined;
}

/** An accepted job. It comes to exactly one end. */
export type Job = JobBase &
  (
    | { readonly state: "waiting" }
    | { readonly state: "running" }
    | { readonly state: "ended"; readonly endedAt: EpochMs; readonly end: JobEnd }
  );
