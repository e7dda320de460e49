import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findHelper } from "../../../src/commands/runnerHelper.ts";
import { systemClock } from "../../../src/daemon/clock.ts";
import { TransientError } from "../../../src/domain/errors.ts";
import { jobIdFrom, leaseIdFrom } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job.ts";
import type { StageContext } from "../../../src/fleet/custom-executor/context.ts";
import { doesNeedHelper, provideHelper } from "../../../src/fleet/custom-executor/helper.ts";
import type { RunnerHelper } from "../../../src/fleet/custom-executor/helper.ts";
import { openLocalChannel } from "../../support/localChannel.ts";
import { fakeManager } from "../../support/manager.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-helper-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const never = new AbortController().signal;
const job: Job = {
  ...{ id: jobIdFrom("job-1"), name: "job-42", poolName: "small", holder: "test", createdAt: 0, phasesMs: {} },
  ...{ leaseId: leaseIdFrom("l-1"), state: "running" },
};

async function makeHelper(content: string, isNamed = true): Promise<RunnerHelper> {
  const path = join(folder, "helper");
  await writeFile(path, content, { mode: 0o755 });
  return { path, sizeBytes: (await stat(path)).size, isNamed };
}

/** @param breaks how many copies break off before one is let through. */
function context(told: string[], breaks = 0): StageContext {
  const channel = openLocalChannel(folder);
  let left = breaks;
  const manager = fakeManager({
    health: async () => ({}) as never,
    execOnLease: async (_id, command, options, signal) => {
      if (command.includes("install") && left-- > 0)
        throw new TransientError("connection-lost", "the connection broke");
      return channel.exec(command, options, signal);
    },
  });
  const tell = async (bytes: Uint8Array): Promise<void> => void told.push(Buffer.from(bytes).toString());
  return { env: {}, manager, clock: systemClock, say: tell, tell, cancel: never, orphaned: never };
}

it("has the runner's program on the machine once, whatever breaks off on the way", async () => {
  const told: string[] = [];
  const helper = await makeHelper(`#!/bin/sh\n# ${"x".repeat(200_000)}\necho helper\n`);
  const there = join(folder, "bin");

  await provideHelper(job, helper, context(told, 1), there);
  await provideHelper(job, helper, context(told), there);

  expect(await readFile(join(there, "gitlab-runner"), "utf8")).toBe(await readFile(helper.path, "utf8"));
  expect(told).toEqual([`mayfly: copies ${helper.path} onto the machine\n`]);
});

it("leaves no program there that does not run on the machine, and says so", async () => {
  const told: string[] = [];
  const there = join(folder, "bin");

  await expect(provideHelper(job, await makeHelper("#!/bin/sh\nexit 1\n"), context(told), there)).rejects.toThrow(
    "it does not run there",
  );
  await provideHelper(job, await makeHelper("#!/bin/sh\nexit 1\n", false), context(told), there);

  expect(told.at(-1)).toContain("does without");
  expect(await readdir(folder)).not.toContain("bin");
});

it("is looked for on the PATH, unless it is named", async () => {
  const { path, sizeBytes } = await makeHelper("#!/bin/sh\n");
  await writeFile(join(folder, "gitlab-runner"), "#!/bin/sh\n", { mode: 0o755 });
  const world = { env: { PATH: `/nowhere:${folder}` }, cwd: folder };

  expect(await findHelper(undefined, world)).toMatchObject({ path: join(folder, "gitlab-runner"), isNamed: false });
  expect(await findHelper("helper", world)).toEqual({ path, sizeBytes, isNamed: true });
  expect(await findHelper("none", world)).toBeUndefined();
  await expect(findHelper("missing", world)).rejects.toThrow('--runner-helper: Expected a program, got "missing"');
});

it.each([
  [undefined, true],
  [{}, false],
  [{ artifacts: [], cache: null }, false],
  [{ cache: [{}] }, true],
  [{ dependencies: [{}] }, true],
])("is needed by %j: %j", (response, isNeeded) => {
  expect(doesNeedHelper(response)).toBe(isNeeded);
});
