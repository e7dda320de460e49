import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { parsePipeline } from "../../../src/ci/parse.ts";

const folder = fileURLToPath(new URL("../../support/examples/", import.meta.url));

interface Plan {
  readonly name: string;
  readonly image?: string;
  readonly services?: readonly string[];
  readonly aliases?: readonly string[];
  readonly before?: number;
  readonly script: number;
  readonly after?: number;
}

const docker = { image: "docker:24.0.7" };
const dind = { ...docker, services: ["docker:dind"] };

const PLANS: Readonly<Record<string, readonly Plan[]>> = {
  "services.gitlab-ci.yml": [{ name: "services-example", ...docker, services: ["docker:dind", "nginx"], script: 3 }],
  "compose.gitlab-ci.yml": [{ name: "docker-compose-example", ...dind, before: 1, script: 4, after: 1 }],
  "ways-to-docker.gitlab-ci.yml": [
    { name: "shell-on-the-machine", script: 2 },
    { name: "docker-out-of-docker", ...docker, script: 3 },
    { name: "docker-in-docker", ...dind, script: 2 },
    { name: "two-jobs-one-name 1/2", ...docker, script: 1 },
    { name: "two-jobs-one-name 2/2", ...docker, script: 1 },
    { name: "service-alias", image: "busybox", services: ["nginx"], aliases: ["web"], script: 1 },
    { name: "compose-network", ...dind, script: 3, after: 1 },
    { name: "service-by-host-network", ...dind, script: 3 },
  ],
};

it("has a plan for every example", () => {
  const files = readdirSync(folder).filter((file) => file.endsWith(".gitlab-ci.yml"));

  expect(files.sort()).toEqual(Object.keys(PLANS).sort());
});

it.each(Object.entries(PLANS))("plans %s, with nothing in it that is not honoured", (file, plans) => {
  const { pipeline, warnings } = parsePipeline(readFileSync(`${folder}${file}`, "utf8"), file);

  expect(warnings).toEqual([]);
  expect(
    pipeline.jobs.map((job) => ({
      name: job.name,
      stage: job.stage,
      image: job.image?.name,
      services: job.services.map(({ name }) => name),
      aliases: job.services.flatMap(({ aliases }) => aliases),
      before: job.beforeScript.length,
      script: job.script.length,
      after: job.afterScript.length,
    })),
  ).toEqual(
    plans.map((plan) => ({
      ...{ stage: "test", image: undefined, services: [], aliases: [], before: 0, after: 0 },
      ...plan,
    })),
  );
});
