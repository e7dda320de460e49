import { expect, it } from "vitest";
import { parse } from "yaml";
import { parsePipeline } from "../../../src/ci/parse.ts";
import { decideJobs } from "../../../src/ci/pipeline.ts";
import { SAMPLE_FILES } from "../../../src/ci/sample.ts";

const file = (name: string): string => SAMPLE_FILES[name] ?? "";

it("has three jobs or more that may all run at once, and nothing in it that is not honoured", () => {
  const { pipeline, warnings } = parsePipeline(file(".gitlab-ci.yml"), ".gitlab-ci.yml");
  const progress = new Map(pipeline.jobs.map(({ name }) => [name, "pending"] as const));

  const { start } = decideJobs(pipeline.jobs, pipeline.stages, progress);

  expect(warnings).toEqual([]);
  expect(start.length).toBeGreaterThanOrEqual(3);
});

it("needs no image but the one that every guest holds", () => {
  const compose = parse(file("docker-compose.yml")) as { services: Record<string, { image: string }> };
  const images = Object.values(compose.services).map(({ image }) => image);

  expect(new Set(images)).toEqual(new Set(["mayfly/busybox"]));
  expect(file("Dockerfile")).toMatch(/^FROM mayfly\/busybox\n/);
});

it("holds every file that its jobs read", () => {
  const copied = [...file("Dockerfile").matchAll(/^COPY (\S+)/gm)].map(([, name = ""]) => name);

  expect(copied.map((name) => SAMPLE_FILES[name])).not.toContain(undefined);
  expect(file("www/index.html")).not.toBe("");
});
