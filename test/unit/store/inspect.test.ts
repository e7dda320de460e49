import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { inspectStore } from "../../../src/store/inspect.ts";
import { openStore } from "../../../src/store/open.ts";
import { openDatabase } from "../../../src/store/sqlite.ts";
import { silentLogger } from "../../support/jobs.ts";

let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "mayfly-state-"));
});
afterEach(() => rmSync(stateDir, { recursive: true }));

const clock = { now: () => 10_000, monotonic: () => 0, sleep: () => Promise.resolve() };
const open = () => openStore(stateDir, { clock, logger: silentLogger, writer: "mayfly 0.9.0" });

it("finds none where none was made, and makes none", () => {
  expect(inspectStore(stateDir, "mayfly 0.1.0")).toBe("none");
  expect(readdirSync(stateDir)).toEqual([]);
});

it("finds one sound, also while a manager has it", async () => {
  const store = await open();
  expect(inspectStore(stateDir, "mayfly 0.1.0")).toBe("sound");
  await store.close();

  expect(inspectStore(stateDir, "mayfly 0.1.0")).toBe("sound");
});

it("says what keeps a manager from opening it", async () => {
  await (await open()).close();
  const database = openDatabase(join(stateDir, "mayfly.db"));
  database.exec("INSERT INTO schema_version VALUES (99)");
  database.close();
  expect(() => inspectStore(stateDir, "mayfly 0.1.0")).toThrow("written by mayfly 0.9.0 with schema 99");

  writeFileSync(join(stateDir, "mayfly.db"), "this is a letter to my aunt, not a database\n".repeat(100));
  expect(() => inspectStore(stateDir, "mayfly 0.1.0")).toThrow("is damaged");
});
