import { expect, it } from "vitest";
import {
  AFTERWARDS,
  FAILED_BY_42,
  describeRunner,
  expectGracefulCancel,
  expectTimeout,
  hasBegun,
  killUnderTwoJobs,
} from "../support/gitlab/runnerCases.ts";
import { FIND_COORDINATOR, linesOf } from "../support/gitlab/runnerHost.ts";

// A real gitlab-runner, driven by a small GitLab of ours: what the runner does is not ours to invent.

const PAGE = "<h1>Welcome to nginx!</h1>";

describeRunner("the custom executor", (host) => {
  it("clones a job's code, runs its script and after_script, hands on its artifacts, and reports its exit code", async () => {
    const runner = await host().startCustom();
    const base = { beforeSources: FIND_COORDINATOR };
    const script = ["whoami", "cat README.md", "echo made >made"];
    const first = host().gitlab.add({ ...base, script, artifacts: ["made"] });
    expect((await first.ended.promise).state, `${first.trace}\n${runner.log()}`).toBe("success");
    const more = { afterScript: AFTERWARDS, needs: [first] };
    const second = host().gitlab.add({ ...base, ...more, script: ["cat made", "exit 42"] });

    const { trace, ...end } = await second.ended.promise;

    expect(linesOf(`${first.trace}`)).toEqual(expect.arrayContaining(["runner", "A project."]));
    expect(end, `${trace}\n${runner.log()}`).toEqual(FAILED_BY_42);
    expect(linesOf(trace)).toEqual(expect.arrayContaining(["made", "afterwards"]));
  });

  it("runs a job in its image, beside its service", async () => {
    const runner = await host().startCustom();
    const job = host().gitlab.add({
      ...{ image: "busybox", services: [{ name: "nginx", alias: "web" }] },
      script: ["cat README.md", "wget -qO- http://web"],
    });

    const { trace, ...end } = await job.ended.promise;

    expect(end, `${trace}\n${runner.log()}`).toMatchObject({ state: "success" });
    expect(linesOf(trace)).toEqual(expect.arrayContaining(["A project.", PAGE]));
  });

  it("stops a script that GitLab cancels, and still runs its after_script", async () => {
    await host().startCustom();

    await expectGracefulCancel(host());
  });

  it("stops a script whose time is over, and runs nothing after it", async () => {
    await host().startCustom();

    await expectTimeout(host());
  });

  it("ends a job well whose manager is killed under it, with all that it says", async () => {
    const runner = await host().startCustom();
    const job = host().gitlab.add({
      ...{ script: ["echo begun", "for i in $(seq 20); do echo tick $i; sleep 1; done"], afterScript: AFTERWARDS },
    });
    await hasBegun(job);

    await host().crash();
    const { trace, ...end } = await job.ended.promise;

    expect(end, `${trace}\n${runner.log()}`).toMatchObject({ state: "success" });
    const ticks = Array.from({ length: 20 }, (_, index) => `tick ${index + 1}`);
    expect(linesOf(trace).filter((line) => line.startsWith("tick "))).toEqual(ticks);
    expect(linesOf(trace)).toContain("afterwards");
  });

  it("leaves nothing behind when it is killed under two jobs, each of which had a machine of its own", async () => {
    const runner = await host().startCustom(["--ttl", "20s"]);

    await killUnderTwoJobs(host(), runner);

    await host().nothingHeld();
  });
});
