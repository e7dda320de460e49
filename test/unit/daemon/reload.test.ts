import { expect, it } from "vitest";
import { explainConfig } from "../../../src/config/parse.ts";
import type { LoadedConfig } from "../../../src/config/load.ts";
import { createLiveConfig } from "../../../src/daemon/liveConfig.ts";
import { createReloader } from "../../../src/daemon/reload.ts";
import { silentLogger } from "../../support/jobs.ts";

const read = (text: string): LoadedConfig => ({
  ...explainConfig(text, "mayfly.toml", "/var/lib/mayfly"),
  path: "/etc/mayfly.toml",
});
const POOL = '[[pool]]\nname = "small"\n';

function setting(start: string) {
  const first = read(start);
  const live = createLiveConfig(first.config, first.entries);
  const file = { text: start };
  const lines: string[] = [];
  const say = (level: string) => (_fields: unknown, message: string) => void lines.push(`${level}: ${message}`);
  let now = 0;
  let applied = 0;
  const reloader = createReloader({
    live,
    source: { load: async () => read(file.text) },
    clock: { now: () => ++now },
    logger: { ...silentLogger, info: say("info"), error: say("error") },
    onApplied: () => {
      applied += 1;
    },
  });
  return { live, file, lines, reloader, applied: () => applied };
}

it("brings a changed file into force and logs each change", async () => {
  const { live, file, lines, reloader, applied } = setting(`${POOL}idle_count = 1`);
  file.text = `max_machines = 7\n${POOL}idle_count = 2`;

  const { path, changes } = await reloader.reload("test");

  expect([path, changes.length, applied()]).toEqual(["/etc/mayfly.toml", 2, 1]);
  expect(live.current()).toMatchObject({ maxMachines: 7, pools: [{ idleCount: 2 }] });
  expect(lines).toEqual(["info: config: max_machines 100 → 7", "info: config: pool small: idle_count 1 → 2"]);
});

it("does nothing for a file that says what is in force", async () => {
  const { file, lines, reloader, applied } = setting(POOL);
  file.text = `# the same\n${POOL}`;

  expect((await reloader.reload("test")).changes).toEqual([]);
  expect([applied(), lines]).toEqual([0, []]);
});

it("changes nothing for a broken file, tells what is wrong since when, and is well again with a valid one", async () => {
  const { live, file, lines, reloader, applied } = setting(`${POOL}idle_count = 1`);
  file.text = `${POOL}idle_count = "two"\nidel_time = 3`;

  await expect(reloader.reload("test")).rejects.toMatchObject({ code: "config-invalid" });
  const first = reloader.problem();
  await expect(reloader.reload("test")).rejects.toThrow();

  expect(first?.text).toContain("mayfly.toml:3: Expected `pool.idle_count` to be an integer");
  expect(first?.text).toContain("mayfly.toml:4: Unknown key `idel_time`");
  expect(reloader.problem()).toEqual(first);
  expect([applied(), live.current().pools[0]?.idleCount]).toEqual([0, 1]);
  file.text = `${POOL}idle_count = 0`;
  await reloader.reload("test");
  expect([reloader.problem(), live.current().pools[0]?.idleCount]).toEqual([undefined, 0]);
  expect(lines).toContain("info: config is valid again");
});

it("refuses what only a restart can change, and applies nothing else of that file", async () => {
  const { live, file, reloader } = setting(`name = "ci-1"\n${POOL}idle_count = 1`);
  file.text = `name = "ci-2"\n${POOL}idle_count = 2`;

  await expect(reloader.reload("test")).rejects.toMatchObject({
    code: "restart-needed",
    message:
      'mayfly.toml:1: name "ci-1" → "ci-2": a running daemon cannot change this. Restart it (SIGUSR2 keeps machines and jobs), or take the change back; nothing else of the file was applied',
  });
  expect(live.current()).toMatchObject({ name: "ci-1", pools: [{ idleCount: 1 }] });
  expect(reloader.problem()?.text).toContain("Restart it");
});

it("says so when there is no file", async () => {
  const { live } = setting(POOL);
  const deps = { live, source: undefined, clock: { now: () => 0 }, logger: silentLogger, onApplied: () => undefined };

  await expect(createReloader(deps).reload("test")).rejects.toMatchObject({ code: "no-config-file" });
});

it("has its file looked at again while the last one was refused, whoever asked for that, and logs it once", async () => {
  const { live, lines } = setting(POOL);
  const file = { text: `${POOL}colour = 1` };
  let look = (): void => undefined;
  let isUnsure = (): boolean => true;
  const watch = (onChange: () => void, unsure: () => boolean) => {
    [look, isUnsure] = [onChange, unsure];
    return async () => undefined;
  };
  const error = (_fields: unknown, message: string): void => void lines.push(message);
  const deps = { live, clock: { now: () => 0 }, logger: { ...silentLogger, error }, onApplied: () => undefined };
  const reloader = createReloader({ ...deps, source: { load: async () => read(file.text), watch } });
  expect(isUnsure()).toBe(false);

  await reloader.reload("asked by hand").catch(() => undefined);
  look();
  await reloader.reload("asked by hand").catch(() => undefined);

  expect([isUnsure(), lines.length]).toEqual([true, 2]);
  file.text = POOL;
  await reloader.reload("asked by hand");
  expect([isUnsure(), reloader.problem()]).toEqual([false, undefined]);
});
