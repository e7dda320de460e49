import type { PullPolicy } from "../domain/job.ts";

/** What a .gitlab-ci.yml asks for, with defaults, `extends`, references and `parallel` resolved. */
export interface Pipeline {
  /** In the order that they run, `.pre` first and `.post` last. */
  readonly stages: readonly string[];
  /** In the order of the file, at least one; names are unique. */
  readonly jobs: readonly PipelineJob[];
}

/** One job that becomes one machine. Texts still hold their `$VARIABLES`. */
export interface PipelineJob {
  /** `build`, `build 1/3` of `parallel: 3`, `build: [a, b]` of a matrix. */
  readonly name: string;
  /** The name in the file. */
  readonly baseName: string;
  readonly line: number;
  readonly stage: string;
  readonly image?: ImageText | undefined;
  readonly services: readonly ServiceText[];
  /** The job's own win over the file's global ones. */
  readonly variables: Variables;
  readonly beforeScript: readonly string[];
  readonly script: readonly string[];
  readonly afterScript: readonly string[];
  /** Names of the jobs that it waits for; undefined: all jobs of earlier stages. */
  readonly needs?: readonly string[] | undefined;
  readonly when: "on_success" | "on_failure" | "always";
  /** Why it only starts when it is named: it is manual, or has rules that are not evaluated. */
  readonly heldBack?: HeldBack | undefined;
  readonly allowFailure: AllowFailure;
  readonly timeoutMs?: number | undefined;
  readonly tags: readonly string[];
  readonly node: { readonly index: number; readonly total: number };
}

export interface HeldBack {
  readonly why: string;
  /** Whether later stages wait for it, as they do for a manual job that may not fail. */
  readonly isBlocking: boolean;
}

/** Whether the pipeline goes on when the job fails: never, always, or for these exit codes. */
export type AllowFailure = boolean | { readonly exitCodes: readonly number[] };

/** A variable's text; a raw one is not expanded. */
export interface VariableText {
  readonly text: string;
  readonly isRaw: boolean;
}

export type Variables = Readonly<Record<string, VariableText>>;

export interface ImageText {
  readonly name: string;
  readonly entrypoint?: readonly string[] | undefined;
  readonly user?: string | undefined;
  readonly pullPolicy?: readonly PullPolicy[] | undefined;
}

export interface ServiceText {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly entrypoint?: readonly string[] | undefined;
  readonly command?: readonly string[] | undefined;
  readonly variables: Variables;
  readonly pullPolicy?: readonly PullPolicy[] | undefined;
}
