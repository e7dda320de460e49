import type { EpochMs } from "./ids.ts";
import type { JobEnd } from "./job.ts";
import type { StageEnd, StagePlace } from "./stage.ts";

/** Where a script that was handed to a machine is met again, by whichever manager comes. */
export interface ScriptTrace {
  /** The script's private folder on its machine: its output, and how far it is. */
  readonly folder: string;
  /** Begins the marker that ends its output. */
  readonly nonce: string;
}

/** A script that may have started. */
export interface StartedScript {
  readonly trace: ScriptTrace;
  /** Size of the job's log when the script started, in bytes: whatever the log holds beyond is the script's output. */
  readonly logBytes: number;
  readonly startedAt: EpochMs;
  /** When it is stopped. */
  readonly deadlineAt: EpochMs;
}

/** A container that serves a job. */
export interface ServicePlace {
  /** As the job names it. */
  readonly name: string;
  readonly containerId: string;
}

/** What the preparation made of a job's machine: where its scripts run. */
export interface JobPlace {
  readonly jobDir: string;
  /** The container, and the folder on the machine that it sees its script in. Absent when scripts run on the machine itself. */
  readonly container?: { readonly id: string; readonly scriptDir: string } | undefined;
  readonly services?: readonly ServicePlace[] | undefined;
}

/** The last stage that a staged job was asked for. */
export interface StageProgress {
  /** ≥ 1 */
  readonly number: number;
  readonly name: string;
  readonly place: StagePlace;
  readonly decidesResult: boolean;
  /** Of the request that asked for it. */
  readonly key?: string | undefined;
  readonly script: StartedScript;
  /** Why its end was brought about, once it was. */
  readonly stopped?: "timeout" | "asked" | undefined;
  /** How it ended, and the log's size then, in bytes. */
  readonly ended?: { readonly end: StageEnd; readonly logBytes: number } | undefined;
}

/** How far a running job is, so that another manager can go on with it. Until there is one, none of the user's code has run. */
export type JobProgress =
  /** before_script and script may have started. */
  | {
      readonly phase: "script";
      readonly place: JobPlace;
      readonly script: StartedScript;
      /** Why its end was brought about, once it was. */
      readonly stopped?: "timeout" | "cancelled" | undefined;
    }
  /** A staged job is ready for its stages. */
  | {
      readonly phase: "stages";
      readonly place: JobPlace;
      /** Size of the log when it was ready, in bytes. */
      readonly readyLogBytes: number;
      /** From when on no stage but the last few minutes' is let run. */
      readonly deadlineAt: EpochMs;
      readonly stage?: StageProgress | undefined;
      /** The stage that decides the result for the worse. */
      readonly failure?: { readonly name: string; readonly exitCode: number } | undefined;
    }
  /** They have ended; after_script is next. */
  | (Told & {
      readonly phase: "after";
      readonly place: JobPlace;
      readonly end: JobEnd;
      /** Once after_script may have started. */
      readonly script?: StartedScript | undefined;
    })
  /** All have ended. */
  | (Told & { readonly phase: "ended"; readonly end: JobEnd });

/** What the log tells of an end. It goes into the log in one piece: a log that has grown has it. */
interface Told {
  /** Size of the log before it was told, in bytes. */
  readonly logBytes: number;
  /** What is told first, where there is more to say than the usual line. */
  readonly said?: string | undefined;
}
