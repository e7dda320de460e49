import type { GitlabJob, GitlabPipeline } from "./pipelineHooks.ts";

export const MINUTE_MS = 60_000;
const RUNNER = { id: 5, tags: ["mayfly"] };
/** How long the first stage's job takes, and each of the second's. */
export const BUILD_MS = 5 * MINUTE_MS;
export const TEST_MS = 2 * MINUTE_MS;
export const TESTS = 6;

/** A pipeline of project 7: one job builds, then six test. */
export class TwoStages {
  readonly id: number;
  readonly #startedAt: number;
  #statuses: readonly [string, string] = ["created", "created"];
  #testsAt: number | undefined;
  #updatedAt: number;

  constructor(id: number, startedAt: number) {
    this.id = id;
    this.#startedAt = startedAt;
    this.#updatedAt = startedAt;
  }

  get pipeline(): GitlabPipeline {
    const [build] = this.#statuses;
    const status = this.#statuses.every((one) => one === "success")
      ? "success"
      : build === "created"
        ? "created"
        : "running";
    return {
      ...{
        projectId: 7,
        id: this.id,
        status,
        stages: ["build", "test"],
        createdAt: this.#startedAt,
        updatedAt: this.#updatedAt,
      },
      jobs: this.jobs,
    };
  }

  get jobs(): readonly GitlabJob[] {
    const [build, test] = this.#statuses;
    const tests = Array.from({ length: TESTS }, (_, n) =>
      jobOf({ id: this.id * 100 + 1 + n, name: `test ${n + 1}/6`, stage: "test" }, test, this.#testsAt, TEST_MS),
    );
    return [jobOf({ id: this.id * 100, name: "build", stage: "build" }, build, this.#startedAt, BUILD_MS), ...tests];
  }

  get tests(): readonly GitlabJob[] {
    return this.jobs.slice(1);
  }

  get build(): GitlabJob {
    const [build] = this.jobs;
    if (build === undefined) throw new Error("no job");
    return build;
  }

  /** Brings its jobs to statuses; the tests begin with the first that is not `created`, at `now`. */
  become(build: string, test: string, now: number): this {
    this.#statuses = [build, test];
    this.#updatedAt = now;
    if (test !== "created") this.#testsAt ??= now;
    return this;
  }
}

function jobOf(job: GitlabJob, status: string, startedAt: number | undefined, tookMs: number): GitlabJob {
  const hasStarted = !["created", "pending"].includes(status);
  return {
    ...{ ...job, status, tags: ["mayfly"], runner: hasStarted ? RUNNER : undefined },
    startedAt: hasStarted ? startedAt : undefined,
    finishedAt: status === "success" && startedAt !== undefined ? startedAt + tookMs : undefined,
  };
}
