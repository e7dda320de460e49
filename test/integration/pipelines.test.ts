import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JobReport } from "../../src/ci/report.ts";
import { DOCKER_IMAGE, ensureDockerImage } from "../support/dockerImage.ts";
import { recordedOutput } from "../support/exampleOutput.ts";
import { createPipelineHost } from "../support/pipelineHost.ts";
import type { PipelineHost, PipelineRun } from "../support/pipelineHost.ts";
import { startRegistry } from "../support/registry/start.ts";
import type { Registry } from "../support/registry/start.ts";

/** Set by the integration tier's setup to where it built the guest image. */
const imagesDir = process.env["MAYFLY_TEST_IMAGES_DIR"];
const WAYS = "ways-to-docker.gitlab-ci.yml";
/** Long enough for a guest image with the stand-ins under software emulation on a busy host. */
const BUILD_DEADLINE_MS = 30 * 60_000;
const PAGE = "<h1>Welcome to nginx!</h1>";

describe.skipIf(imagesDir === undefined)("the example pipelines on real machines (MAYFLY_TEST_IMAGES_DIR)", () => {
  const abort = new AbortController();
  const runs: PipelineRun[] = [];
  let registry: Registry | undefined;
  let host: PipelineHost;

  beforeAll(async () => {
    await ensureDockerImage(imagesDir ?? "", abort.signal);
    registry = await startRegistry({}, abort.signal);
    host = await createPipelineHost({
      imagesDir: imagesDir ?? "",
      image: DOCKER_IMAGE,
      registryMirror: registry.guestUrl,
    });
  }, BUILD_DEADLINE_MS);

  afterAll(async () => {
    abort.abort();
    await host?.close();
    await registry?.stop();
  });

  const run = async (...call: Parameters<PipelineHost["run"]>): Promise<PipelineRun> => {
    const done = await host.run(...call);
    runs.push(done);
    return done;
  };

  let services: PipelineRun;
  let compose: PipelineRun;
  let socket: PipelineRun;
  beforeAll(async () => {
    const call = { docker: "dind", machines: 1 } as const;
    // Two machines at a time, one on a core: whichever is done makes room for the next.
    const oneAfterAnother = async (): Promise<void> => {
      services = await run({ ...call, file: "services.gitlab-ci.yml" });
      const jobs = ["shell-on-the-machine", "docker-out-of-docker"];
      socket = await run({ file: WAYS, docker: "socket", machines: 1, jobs });
    };
    const beside = async (): Promise<void> => {
      compose = await run({ ...call, file: "compose.gitlab-ci.yml" });
    };
    await Promise.all([oneAfterAnother(), beside()]);
  });

  describe("with a dind service", () => {
    it("both examples succeed", () => {
      expect(services.exitCode, services.stderr).toBe(0);
      expect(compose.exitCode, compose.stderr).toBe(0);
    });

    it("say what they say everywhere", async () => {
      const [recorded, other] = [await recordedOutput("services"), await recordedOutput("compose")];

      expect(services.scriptOutputOf("services-example"), services.stderr).toEqual(recorded.merged);
      expect(compose.scriptOutputOf("docker-compose-example"), compose.stderr).toEqual(other.merged);
    });

    it("the report says how long each part took", () => {
      expect(services.report).toEqual({ result: "success", jobs: [reported("services-example", "dind", SERVICES)] });
      expect(compose.report).toEqual({
        result: "success",
        jobs: [reported("docker-compose-example", "dind", [...SERVICES, "after"])],
      });
    });
  });

  describe("on an engine that jobs share with their machine", () => {
    it("every job succeeds, each with its parts", () => {
      expect(socket.exitCode, socket.stderr).toBe(0);
      expect(socket.report.jobs).toEqual([
        reported("shell-on-the-machine", "socket", MACHINE),
        reported("docker-out-of-docker", "socket", CONTAINER),
      ]);
    });

    it("a script on the machine has passwordless sudo and the engine", () => {
      expect(socket.outputOf("shell-on-the-machine", "sudo -n id -u")).toEqual(["0"]);
      expect(socket.outputOf("shell-on-the-machine", "docker run --rm busybox echo hello")).toContain("hello");
    });

    it("a container's published port is reached under the name docker", () => {
      expect(socket.outputOf("docker-out-of-docker", "wget -O - http://docker:8080")).toContain(PAGE);
    });
  });

  it("two jobs at once each make a container of the same name", async () => {
    const both = await run({ file: WAYS, docker: "socket", jobs: ["two-jobs-one-name"] });

    expect(both.exitCode, both.stderr).toBe(0);
    expect(both.report.jobs).toEqual([
      reported("two-jobs-one-name 1/2", "socket", CONTAINER),
      reported("two-jobs-one-name 2/2", "socket", CONTAINER),
    ]);
    const [one, other] = both.report.jobs.map(spanOf);
    expect(one?.beginMs).toBeLessThan(other?.endMs ?? 0);
    expect(other?.beginMs).toBeLessThan(one?.endMs ?? 0);
  });

  describe("on privileged machines", () => {
    let dind: PipelineRun;
    beforeAll(async () => {
      const jobs = ["docker-in-docker", "service-alias", "compose-network", "service-by-host-network"];
      dind = await run({ file: WAYS, docker: "dind", jobs });
    });

    it("every job succeeds, each with its parts", () => {
      expect(dind.exitCode, dind.stderr).toBe(0);
      expect(dind.report.jobs).toEqual([
        reported("docker-in-docker", "dind", SERVICES),
        reported("service-alias", "dind", SERVICES),
        reported("compose-network", "dind", [...SERVICES, "after"]),
        reported("service-by-host-network", "dind", SERVICES),
      ]);
    });

    it("a container runs on the engine of the dind service", () => {
      expect(dind.outputOf("docker-in-docker", "docker info").join("\n")).toMatch(/Server Version: \d/);
      expect(dind.outputOf("docker-in-docker", "docker run --rm busybox echo hello")).toContain("hello");
    });

    it("a service is reached by its alias", () => {
      expect(dind.outputOf("service-alias", "wget -O - http://web:80")).toContain(PAGE);
    });

    it("a container that joins a compose file's network finds its service by name", () => {
      const command = "docker run --rm --network shop_default busybox wget -O - http://nginx";
      expect(dind.outputOf("compose-network", command)).toContain(PAGE);
    });

    it("a container on the engine's own network is reached under the name docker", () => {
      expect(dind.outputOf("service-by-host-network", "wget -O - http://docker:80")).toContain(PAGE);
    });
  });

  it("every job had a machine of its own, and nothing of them is left", async () => {
    const machineIds = runs.flatMap(({ report }) => report.jobs).map(({ machineId }) => machineId);

    expect(machineIds).toHaveLength(10);
    expect(new Set(machineIds).size).toBe(10);
    expect(await host.leftovers()).toEqual([]);
  });
});

type Phase = keyof JobReport["phasesMs"];
const MACHINE: readonly Phase[] = ["queued", "leased", "script", "released"];
const CONTAINER: readonly Phase[] = [...MACHINE, "pulled"];
const SERVICES: readonly Phase[] = [...CONTAINER, "services"];

/** How a job that succeeded is reported, with these parts and no others. */
function reported(name: string, poolName: string, phases: readonly Phase[]): JobReport {
  const head = { name, stage: "test", poolName, allowFailure: false, exitCode: 0, result: "success" as const };
  const phasesMs = Object.fromEntries(phases.map((phase) => [phase, expect.any(Number) as number]));
  // A machine on this host is free, and that is said.
  return { ...head, machineId: expect.stringMatching(/^m-/) as string, phasesMs, costUsd: 0 };
}

/** When a job had its machine, counted from the submission that the jobs of a call share. */
function spanOf({ phasesMs }: JobReport): { readonly beginMs: number; readonly endMs: number } {
  const { queued = 0, released: _released, ...parts } = phasesMs;
  return { beginMs: queued, endMs: queued + Object.values(parts).reduce((sum, ms) => sum + ms, 0) };
}
