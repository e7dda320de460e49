import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { loadConfig, shownPath } from "../../../src/config/load.ts";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "mayfly-config-"));
});
afterEach(() => rmSync(cwd, { recursive: true }));

const load = (option: string | undefined) => loadConfig(option, { env: {}, cwd, homeDir: cwd, isRoot: false });

it("loads the file of the working directory", async () => {
  writeFileSync(join(cwd, "mayfly.toml"), '\uFEFFname = "ci-1"\n');

  const loaded = await load(undefined);

  expect(loaded.path).toBe(join(cwd, "mayfly.toml"));
  expect(loaded.config.name).toBe("ci-1");
  expect(loaded.config.stateDir).toBe(join(cwd, ".local/state/mayfly"));
});

it("names a file as the reader knows it", async () => {
  writeFileSync(join(cwd, "bad.toml"), "name = 1");

  await expect(load("bad.toml")).rejects.toThrow(/^bad\.toml:1: Expected `name`/);
});

it.each([
  ["/home/me", "/home/me/ci/mayfly.toml", "ci/mayfly.toml"],
  ["/home/me/src", "/home/me/ci/mayfly.toml", "/home/me/ci/mayfly.toml"],
  ["/", "/etc/mayfly/mayfly.toml", "/etc/mayfly/mayfly.toml"],
])("in %s, calls %s %s", (where, path, shown) => {
  expect(shownPath(where, path)).toBe(shown);
});

it.each([
  ["gone.toml", "gone.toml: Expected a config file, there is none"],
  [".", ": Expected a config file, it is a directory"],
  ["latin.toml", "latin.toml: Expected a config file in UTF-8, it holds other bytes"],
])("says why it cannot read %s", async (name, message) => {
  writeFileSync(join(cwd, "latin.toml"), Buffer.from([0x23, 0xe4]));

  await expect(load(name)).rejects.toMatchObject({ name: "ConfigError", message: expect.stringContaining(message) });
});
