import { expect, it } from "vitest";
import {
  AFTERWARDS,
  FAILED_BY_42,
  describeRunner,
  expectGracefulCancel,
  expectTimeout,
  killUnderTwoJobs,
} from "../support/gitlab/runnerCases.ts";
import { linesOf } from "../support/gitlab/runnerHost.ts";

// As gitlabRunner.test.ts, with the executor that calls docker-machine.

/** The helper image here has no git. */
const ORDER = { image: "busybox", variables: { GIT_STRATEGY: "none" } };
const PAGE = "<h1>Welcome to nginx!</h1>";

describeRunner("docker+machine", (host) => {
  it("runs a job in its image, beside its service, on a machine of its own, and takes its artifacts", async () => {
    const runner = await host().startDockerMachine();
    const job = host().gitlab.add({
      ...{ ...ORDER, services: [{ name: "nginx", alias: "web" }], artifacts: ["page"] },
      script: ["wget -qO page http://web", "cat page"],
    });

    const { trace, ...end } = await job.ended.promise;

    expect(end, `${trace}\n${runner.log()}`).toMatchObject({ state: "success" });
    expect(linesOf(trace)).toContain(PAGE);
    expect(job.archive?.bytes.length).toBeGreaterThan(0);
    await host().nothingHeld();
    const [last] = (await host().client.leases(true)).toSorted((a, b) => b.lease.createdAt - a.lease.createdAt);
    expect(last?.lease).toMatchObject({ state: "ended", outcome: "released" });
  });

  it("reports a job's exit code, and runs its after_script", async () => {
    const runner = await host().startDockerMachine();
    const job = host().gitlab.add({ ...ORDER, script: ["exit 42"], afterScript: AFTERWARDS });

    const { trace, ...end } = await job.ended.promise;

    expect(end, `${trace}\n${runner.log()}`).toEqual(FAILED_BY_42);
    expect(linesOf(trace)).toContain("afterwards");
  });

  it("stops a script that GitLab cancels, and still runs its after_script", async () => {
    await host().startDockerMachine();

    await expectGracefulCancel(host(), ORDER);
  });

  it("stops a script whose time is over, and runs nothing after it", async () => {
    await host().startDockerMachine();

    await expectTimeout(host(), ORDER);
  });

  it("gives back the machines of two jobs under which it was killed, once it runs again", async () => {
    const runner = await host().startDockerMachine();
    await killUnderTwoJobs(host(), runner, ORDER);

    await host().startDockerMachine();

    await host().nothingHeld();
  });
});
