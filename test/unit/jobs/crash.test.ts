import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { expect, it } from "vitest";
import type { JobSpec } from "../../../src/domain/job.ts";
import { jobSpec } from "../../support/jobs.ts";
import { createJobWorld } from "../../support/jobWorld.ts";
import type { JobWorld } from "../../support/jobWorld.ts";
import type { Death } from "../../support/mortal.ts";

const KEY = "key-0123456789ab";
const never = new AbortController().signal;
/** How many of the deaths are died at a time: most of each life is waiting. */
const AT_A_TIME = 10;
const PREAMBLE = /^(Running with mayfly on |Using |Pulling |Starting |Preparing |Waiting for )/;

/** A job that says in files of the world how often its scripts ran. */
const SCRIPTS: Partial<JobSpec> = {
  archiveId: "input",
  script: [
    "[ -d input ]",
    'echo ran >>"$WORLD/ran"',
    "echo one; sleep 0.1; echo two",
    "printf three; sleep 0.1; exit 3",
  ],
  afterScript: ['echo ran >>"$WORLD/ran-after"; echo after $CI_JOB_STATUS', "exit 5"],
};

interface Life {
  readonly log: string;
  readonly calls: readonly string[];
  /** What was wrong with it. */
  readonly faults: readonly string[];
}

const linesOf = (world: JobWorld, file: string): Promise<number> =>
  readFile(join(world.folder, file), "utf8").then(
    (text) => text.split("\n").length - 1,
    () => 0,
  );

/** Lives one job to its end: a manager, a client that sends its submit again, and, when the manager dies, another one. */
async function live(changes: Partial<JobSpec>, death?: Death): Promise<Life> {
  const world = createJobWorld();
  try {
    const spec = jobSpec({ ...SCRIPTS, ...changes, variables: { WORLD: world.folder } });
    const first = world.start(death);
    const ended = first.service.submit(spec, KEY).then(
      async ({ id }) => void (await first.service.await(id, 60_000, never)),
      () => undefined,
    );
    await Promise.race([ended, first.process.due]);
    if (death?.isGentle === true) await first.service.handOver();
    const last = death === undefined ? first : await world.succeed();
    const { id } = await last.service.submit(spec, KEY);
    const job = await world.ended(id);

    const ends = (await world.store.eventsOf(id)).filter(({ what }) => what === "job ended").length;
    const runs = [await linesOf(world, "ran"), await linesOf(world, "ran-after")];
    const open = (await world.store.openLeases()).length;
    const faults = [
      ...(job.end.result === "failed" && job.end.exitCode === 3 ? [] : [JSON.stringify(job.end)]),
      ...(ends === 1 ? [] : [`${ends} ends`]),
      ...(runs.join() === "1,1" ? [] : [`ran ${runs.join(" and ")} times`]),
      ...(open === 0 ? [] : [`${open} leases left`]),
    ];
    return { log: stripVTControlCharacters(await world.logOf(id)), calls: first.process.calls, faults };
  } finally {
    await world.remove();
  }
}

/** What a log says after all preparation: preparing again is said again. */
function outputOf(log: string): string {
  const lines = log.split("\n");
  return lines.slice(lines.findLastIndex((line) => PREAMBLE.test(line)) + 1).join("\n");
}

/** Lives the job once with each death, and answers what was wrong with any of them. */
async function liveThroughAll(
  changes: Partial<JobSpec>,
  how: "killed at any instant" | "killed" | "told to go",
): Promise<string[]> {
  const clean = await live(changes);
  const deaths = clean.calls.flatMap((call): Death[] => [
    // Before a call is after the one before it, but for what goes on at the same time.
    ...(how === "killed at any instant" ? [{ call, when: "before" } as const] : []),
    { call, when: "after", isGentle: how === "told to go" },
  ]);
  const wrong = clean.faults.map((fault) => `without a death: ${fault}`);
  const next = deaths[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (const death of next) {
      const name = `${death.when} ${death.call}`;
      const { log, faults } = await live(changes, death).catch((error: unknown) => ({
        log: clean.log,
        faults: [String(error)],
      }));
      wrong.push(...faults.map((fault) => `${name}: ${fault}`));
      const [output, expected] = [outputOf(log), outputOf(clean.log)];
      if (output !== expected)
        wrong.push(`${name}: log ${JSON.stringify(output)}, expected ${JSON.stringify(expected)}`);
      if (log.split("one\ntwo\n").length !== 2) wrong.push(`${name}: not said once: ${JSON.stringify(log)}`);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  expect(deaths.length).toBeGreaterThan(20);
  expect(outputOf(clean.log)).toContain("one\ntwo\n");
  return wrong;
}

it.each([
  ["on its machine", { echoCommands: true }, "killed at any instant"],
  ["on its machine, its log its output alone", {}, "killed"],
  ["in a container", { echoCommands: true, image: { name: "busybox" } }, "killed"],
  ["on its machine, handed over", { echoCommands: true }, "told to go"],
] as const)(
  "a job %s comes to its one end, its log whole, at whichever call its manager's hour comes",
  async (_title, changes, how) => {
    expect(await liveThroughAll(changes, how)).toEqual([]);
  },
  120_000,
);
