import type { PipelineJob } from "../../src/ci/model.ts";

/** A job of the test stage that prints something, with what the test changes. */
export function pipelineJob(name: string, changes: Partial<PipelineJob> = {}): PipelineJob {
  return {
    name,
    baseName: name,
    line: 1,
    stage: "test",
    services: [],
    variables: {},
    beforeScript: [],
    script: ["echo hello"],
    afterScript: [],
    when: "on_success",
    allowFailure: false,
    tags: [],
    node: { index: 1, total: 1 },
    ...changes,
  };
}
