import { describe, expect, it } from "vitest";
import { jobResponseFrom } from "../../../src/fleet/custom-executor/jobResponse.ts";
import { outcomeFrom } from "../../../src/fleet/custom-executor/outcome.ts";
import { choosePool } from "../../../src/fleet/custom-executor/pool.ts";
import { expandVariables, runnerJobFrom } from "../../../src/fleet/custom-executor/runnerJob.ts";
import { specFrom } from "../../../src/fleet/custom-executor/spec.ts";
import type { PoolView } from "../../../src/ports/manager.ts";

const ENVIRONMENT = {
  PATH: "/usr/bin",
  CUSTOM_ENV_CI_JOB_ID: "42",
  CUSTOM_ENV_CI_RUNNER_ID: "7",
  CUSTOM_ENV_CI_SERVER_HOST: "gitlab.example.com",
  CUSTOM_ENV_VERSION: "3.19",
  "CUSTOM_ENV_not-a-name": "left out",
};
const OPTIONS = { pool: "small", ttlMs: 120_000, waitTimeoutMs: 60_000 };
const specOf = (changes: Record<string, string>, response?: object, image?: string) =>
  specFrom(
    runnerJobFrom({ ...ENVIRONMENT, ...changes }),
    { ...OPTIONS, image },
    response === undefined ? undefined : jobResponseFrom(JSON.stringify(response)),
  );

describe("a runner's job", () => {
  it("is known by its number, its runner and its GitLab, and has the variables with the prefix alone", () => {
    expect(runnerJobFrom(ENVIRONMENT)).toEqual({
      id: "42",
      holder: "gitlab-runner 7 of gitlab.example.com, job 42",
      variables: { CI_JOB_ID: "42", CI_RUNNER_ID: "7", CI_SERVER_HOST: "gitlab.example.com", VERSION: "3.19" },
    });
  });

  it("is none without a number", () => {
    expect(() => runnerJobFrom({ PATH: "/usr/bin" })).toThrow("CUSTOM_ENV_CI_JOB_ID is not set");
  });

  it.each([
    ["alpine:$VERSION", "alpine:3.19"],
    [`alpine:\${VERSION}`, "alpine:3.19"],
    ["a$$b", "a$b"],
    ["$UNKNOWN-", "-"],
    ["100% $ free", "100% $ free"],
  ])("has %j expanded to %j", (text, expanded) => {
    expect(expandVariables(text, { VERSION: "3.19" })).toBe(expanded);
  });
});

describe("what is held for a runner's job", () => {
  it("runs on the machine itself when neither the job nor the operator names an image", () => {
    const spec = specOf({ CUSTOM_ENV_CI_JOB_SERVICES: "", CUSTOM_ENV_CI_JOB_TIMEOUT: "3600" });

    expect(spec).toMatchObject({ name: "job-42", poolName: "small", services: [], script: [], timeoutMs: 3_600_000 });
    expect(spec.image).toBeUndefined();
    expect(spec.staged).toEqual({ ttlMs: 120_000 });
  });

  it("has image and services of the environment where there is no more", () => {
    const services = [
      { name: "postgres:$VERSION", alias: "db", entrypoint: null, command: ["-c", "x"], variables: { A: "1" } },
      { name: "redis", alias: "", entrypoint: ["sh"], command: null },
    ];

    const spec = specOf({
      CUSTOM_ENV_CI_JOB_IMAGE: "alpine:$VERSION",
      CUSTOM_ENV_CI_JOB_SERVICES: JSON.stringify(services),
    });

    expect(spec.image).toMatchObject({ name: "alpine:3.19" });
    expect(spec.services).toEqual([
      { name: "postgres:3.19", aliases: ["db"], entrypoint: undefined, command: ["-c", "x"], variables: { A: "1" } },
      { name: "redis", aliases: [], entrypoint: ["sh"], command: undefined, variables: {} },
    ]);
  });

  it("has all that the whole job says, which goes before the environment", () => {
    const response = {
      token: "job-token",
      image: {
        name: "registry.example.com/image:$VERSION",
        entrypoint: [""],
        pull_policy: ["if-not-present", "sometimes"],
        executor_opts: { docker: { user: "1000", platform: "linux/amd64" } },
      },
      services: [{ name: "docker:dind", alias: "docker, engine", variables: [{ key: "V", value: "$VERSION" }] }],
      credentials: [
        { type: "registry", url: "registry.example.com", username: "gitlab-ci-token", password: "secret" },
        { type: "other", url: "x", username: "y", password: "z" },
      ],
      runner_info: { timeout: 600 },
    };

    const spec = specOf({ CUSTOM_ENV_CI_JOB_IMAGE: "other", CUSTOM_ENV_CI_JOB_TIMEOUT: "3600" }, response);

    expect(spec.image).toEqual({
      ...{ name: "registry.example.com/image:3.19", entrypoint: [""], pullPolicy: ["if-not-present"], user: "1000" },
    });
    expect(spec.services).toMatchObject([
      { name: "docker:dind", aliases: ["docker", "engine"], variables: { V: "3.19" } },
    ]);
    expect(spec.registryLogins).toEqual([
      { server: "registry.example.com", username: "gitlab-ci-token", password: "secret" },
    ]);
    expect(spec.timeoutMs).toBe(600_000);
    expect(JSON.stringify(spec.variables)).not.toContain("secret");
  });

  it("runs in the operator's image when the job names none", () => {
    expect(specOf({}, { image: { name: "" } }, "debian:12").image).toMatchObject({ name: "debian:12" });
  });

  it("shows nothing of what cannot be read", () => {
    expect(() => jobResponseFrom('{"token": "secret')).toThrow(/^JOB_RESPONSE_FILE is not JSON$/);
    expect(() => jobResponseFrom('{"credentials": [{"password": "secret"}]}')).toThrow(
      /^JOB_RESPONSE_FILE is not a runner's job: (?!.*secret)/,
    );
    expect(() => specOf({ CUSTOM_ENV_CI_JOB_SERVICES: '{"password": "secret' })).toThrow(
      "CUSTOM_ENV_CI_JOB_SERVICES is not a list in JSON",
    );
  });
});

describe("the pool of a runner's job", () => {
  const pools = ["default", "large"].map((name) => ({ desired: { name } })) as unknown as PoolView[];

  it.each([
    ["the named one", "large", '["default"]', "large"],
    ["the one that a tag names", undefined, '["docker", "large"]', "large"],
    ["the one that a tag of a plain list names", undefined, "docker, large", "large"],
    ["the first, when no tag does", undefined, '["docker"]', "default"],
    ["the first, without tags", undefined, undefined, "default"],
  ])("is %s", (_title, named, tags, chosen) => {
    expect(choosePool(pools, named, tags)).toBe(chosen);
  });

  it("must be there when it is named", () => {
    expect(() => choosePool(pools, "huge", undefined)).toThrow('there is no pool "huge"; there is: default, large');
  });
});

describe("the end of a job, to the stage that met it", () => {
  it.each([
    [{ result: "failed", exitCode: 4, message: "exit code 4" } as const, 4],
    [{ result: "timeout", message: "too long" } as const, undefined],
  ])("is the build's failure when it is the job's own: %j", (end, exitCode) => {
    expect(outcomeFrom(end)).toEqual({ result: "build-failure", exitCode, message: end.message });
  });

  it.each(["machine-lost", "system-failure"] as const)("is the system's failure when it is a %s", (result) => {
    expect(() => outcomeFrom({ result, message: "why" })).toThrow("why");
  });
});
