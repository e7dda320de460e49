// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a pipeline's variables are written so.
import { expect, it } from "vitest";
import { planJobs } from "../../../src/ci/spec.ts";
import type { JobPlan } from "../../../src/ci/spec.ts";
import type { PipelineJob } from "../../../src/ci/model.ts";
import { pipelineJob } from "../../support/pipelineJobs.ts";

const run = { predefined: {}, overrides: {} };
const text = (value: string) => ({ text: value, isRaw: false });

function planOf(job: PipelineJob, variables: Partial<typeof run> = {}): JobPlan {
  const plan = planJobs([job], { ...run, ...variables }, "ci.yml").get(job.name);
  if (plan === undefined) throw new Error("no plan");
  return plan;
}

it("lets the run's variables win over the job's, and those over the predefined", () => {
  const job = pipelineJob("a", { variables: { B: text("job"), C: text("job $D") } });

  const { variables } = planOf(job, { predefined: { A: "known", B: "known" }, overrides: { C: "given $D" } });

  expect(variables).toMatchObject({ A: "known", B: "job", C: "given $D" });
});

it("names the job, its stage and its place among the parallel ones", () => {
  const job = pipelineJob("a 2/3", { baseName: "a", node: { index: 2, total: 3 } });

  expect(planOf(job).variables).toMatchObject({
    CI_JOB_NAME: "a 2/3",
    CI_JOB_NAME_SLUG: "a-2-3",
    CI_JOB_STAGE: "test",
    CI_NODE_INDEX: "2",
    CI_NODE_TOTAL: "3",
  });
});

it("fills variables into images, services and aliases, but not into scripts", () => {
  const job = pipelineJob("a", {
    variables: { TAG: text("24.0"), WEB: text("web"), DIR: text("$CI_PROJECT_DIR/out") },
    image: { name: "docker:$TAG" },
    services: [{ name: "nginx:${TAG}", aliases: ["$WEB"], variables: { URL: text("http://$WEB") } }],
    script: ["echo $TAG"],
  });

  const plan = planOf(job);

  expect(plan.image?.name).toBe("docker:24.0");
  expect(plan.services[0]).toMatchObject({ name: "nginx:24.0", aliases: ["web"] });
  expect(plan.services[0]?.variables).toMatchObject({ URL: "http://web", TAG: "24.0" });
  expect(plan.variables["DIR"]).toBe("/builds/a/out");
  expect(plan.script).toEqual(["echo $TAG"]);
});

it("refuses every job that could not be run, with its line", () => {
  const jobs = [
    pipelineJob("a", { line: 3, image: { name: "$NOTHING" } }),
    pipelineJob("b", { line: 7, variables: { A: text("$B"), B: text("$A") } }),
  ];

  expect(() => planJobs(jobs, run, "ci.yml")).toThrowError(
    /^ci\.yml:3: job `a`: image: .*got ""\nci\.yml:7: job `b`: expected its variables to come to an end, got the cycle A → B → A$/,
  );
});
