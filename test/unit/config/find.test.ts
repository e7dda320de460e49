import { expect, it } from "vitest";
import { defaultStateDir, findConfig } from "../../../src/config/find.ts";

const cwd = "/home/ann/project";
const everything = (): boolean => true;
const nothing = (): boolean => false;

it("prefers the option, then the variable, then the working directory, then the system", () => {
  const env = { MAYFLY_CONFIG: "/srv/m.toml" };

  expect(findConfig("a.toml", { env, cwd }, everything)).toBe("/home/ann/project/a.toml");
  expect(findConfig(undefined, { env, cwd }, everything)).toBe("/srv/m.toml");
  expect(findConfig(undefined, { env: {}, cwd }, everything)).toBe("/home/ann/project/mayfly.toml");
  expect(findConfig(undefined, { env: {}, cwd }, (path) => path.startsWith("/etc"))).toBe("/etc/mayfly/mayfly.toml");
});

it("answers a named file that is not there, and nothing when none was named", () => {
  expect(findConfig("gone.toml", { env: {}, cwd }, nothing)).toBe("/home/ann/project/gone.toml");
  expect(findConfig(undefined, { env: { MAYFLY_CONFIG: "" }, cwd }, nothing)).toBeUndefined();
});

it("keeps state where the account may write", () => {
  const homeDir = "/home/ann";

  expect(defaultStateDir({ env: {}, homeDir: "/root", isRoot: true })).toBe("/var/lib/mayfly");
  expect(defaultStateDir({ env: {}, homeDir, isRoot: false })).toBe("/home/ann/.local/state/mayfly");
  expect(defaultStateDir({ env: { XDG_STATE_HOME: "/x" }, homeDir, isRoot: false })).toBe("/x/mayfly");
  expect(defaultStateDir({ env: { XDG_STATE_HOME: "x" }, homeDir, isRoot: false })).toBe(
    "/home/ann/.local/state/mayfly",
  );
});
