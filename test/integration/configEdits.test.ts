import { rename, writeFile } from "node:fs/promises";
import { text as textOf } from "node:stream/consumers";
import { expect, it } from "vitest";
import { explainConfig } from "../../src/config/parse.ts";
import type { Job } from "../../src/domain/job.ts";
import { drawFor } from "../../src/simulation/draw.ts";
import { drawEdit } from "../support/configEdits.ts";
import { jobSpec } from "../support/jobs.ts";
import { makeDaemonHome } from "../support/localDaemon.ts";
import { until } from "../support/until.ts";

const EDITS = 50;
const SETTLE_MS = 60_000;
const signal = new AbortController().signal;

it("runs jobs undisturbed through fifty edits of its file, broken ones included, and ends as the last valid one says", async () => {
  await using home = await makeDaemonHome("max_machines = 9");
  const daemon = await home.startReady();
  const { client } = daemon;
  const draw = drawFor(20_261_128, "edits of a real file");
  const head = `name = "test"\nstate_dir = "${home.stateDir}"\napi = { socket = "${home.socketPath}" }\n`;
  const put = async (text: string): Promise<void> => {
    if (draw.chance(0.5)) return writeFile(home.configPath, text);
    await writeFile(`${home.configPath}~`, text);
    return rename(`${home.configPath}~`, home.configPath);
  };
  const submit = (name: string): Promise<Job> =>
    client.submitJob(
      jobSpec({ name, poolName: "alpha", script: [`sleep ${draw.between(0, 2)}`, `echo ${name} is done`] }),
    );

  let edit = drawEdit(head, draw);
  while (!edit.isValid) edit = drawEdit(head, draw);
  await put(edit.text);
  await until("the file is in force", SETTLE_MS, async () =>
    (await client.pools()).some(({ desired }) => desired.name === "alpha"),
  );
  let last = edit.text;
  const jobs: Job[] = [];
  for (let count = 0; count < EDITS; count += 1) {
    if (count % 3 === 0) jobs.push(await submit(`job-${count}`));
    edit = drawEdit(head, draw);
    await put(edit.text);
    if (edit.isValid) last = edit.text;
    // Some are seen by the watch, some overtaken by the next edit, some asked for by hand.
    if (draw.chance(0.3)) await client.reloadConfig().catch(() => undefined);
    if (draw.chance(0.2)) daemon.child.kill("SIGHUP");
    await new Promise((resolve) => setTimeout(resolve, draw.between(0, 700)));
    // What is overtaken before anybody saw it was never in force: the last valid file that counts is the one that was seen.
    if (edit.isValid) await client.reloadConfig();
  }
  await put(last);
  const ended = await Promise.all(jobs.map(({ id }) => client.awaitJob(id, SETTLE_MS * 5, signal)));
  const logs = await Promise.all(jobs.map(({ id }) => textOf(client.jobLog(id, 0, false, signal))));

  expect(ended.map((job) => (job.state === "ended" ? job.end : job.state))).toEqual(
    jobs.map(() => ({ result: "success", exitCode: 0 })),
  );
  for (const [index, { name }] of jobs.entries()) expect(logs[index]).toContain(`${name} is done`);
  const { pools } = explainConfig(last, "mayfly.toml", home.stateDir).config;
  await until("the last valid file is in force, and converged to", SETTLE_MS, async () => {
    const [views, health] = [await client.pools(), await client.health()];
    if (health.configProblem !== undefined || views.length !== pools.length) return undefined;
    return pools.every(({ name, idleCount, maxMachines }) => {
      const view = views.find(({ desired }) => desired.name === name);
      return (
        view?.desired.maxMachines === maxMachines && view.machines.idle === idleCount && view.machines.leased === 0
      );
    });
  });
  daemon.child.kill("SIGTERM");
  expect(await daemon.exited).toBe(0);
});
