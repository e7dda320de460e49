import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import { socketPathFrom } from "../../../src/config/socketPath.ts";

let cwd = "";
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "mayfly-socket-"));
  const folder = cwd;
  onTestFinished(() => rm(folder, { recursive: true }));
});

const surroundings = () => ({ env: {}, cwd, homeDir: "/home/ann", isRoot: false });

it.each([
  [""],
  ['state_dir = "/srv/state"'],
  ['state_dir = "/srv/state/"'],
  ['[api]\nsocket = "/run/m.sock"'],
  [
    'state_dir = "/srv"\n[api]\nlisten = "127.0.0.1:1"\nsocket = "/run/m.sock"\ncert = "/c"\nkey = "/k"\ntoken_file = "/t"',
  ],
])("answers what the whole config says: %j", async (text) => {
  await writeFile(join(cwd, "mayfly.toml"), text);

  const path = await socketPathFrom(undefined, surroundings());

  expect(path).toBe((await loadConfig(undefined, surroundings())).config.api.socket);
});

it("answers the default where there is no config", async () => {
  expect(await socketPathFrom(undefined, surroundings())).toBe("/home/ann/.local/state/mayfly/mayfly.sock");
});

it("heeds nothing else that is wrong with the config", async () => {
  await writeFile(join(cwd, "mayfly.toml"), 'nam = "x"\n[api]\nsocket = "/run/m.sock"');

  expect(await socketPathFrom(undefined, surroundings())).toBe("/run/m.sock");
});

it.each([
  ["= 1"],
  ["api = 1\nstate_dir = 2"],
  ["[api]\nsocket = 1"],
  ['[api]\nsocket = "m.sock"'],
  ["state_dir = 1"],
  ['state_dir = "srv"'],
  [`state_dir = "/${"x".repeat(107)}"`],
])("answers nothing where the file does not tell: %j", async (text) => {
  await writeFile(join(cwd, "mayfly.toml"), text);

  expect(await socketPathFrom(undefined, surroundings())).toBeUndefined();
});

it("answers nothing for a file that was named and is not there", async () => {
  expect(await socketPathFrom("gone.toml", surroundings())).toBeUndefined();
});
