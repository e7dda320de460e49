import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { editPool } from "../../../src/config/edit.ts";
import { unifiedDiff } from "../../../src/config/unifiedDiff.ts";

const FILE = `# ours
max_machines = 20 # of all pools

[[pool]]
name = "small"

[[pool]]
# the one that matters
name = "large"
idle_count = 3   # guessed
idle_time = "5m"

# by day
[[pool.schedule]]
periods = [
  "* 9-17 * * mon-fri",
]
idle_count = 9

[pool.qemu]
cpus = 4 # many
`;

it("sets, adds and takes out a pool's keys, and leaves every other line as it is", () => {
  const edited = editPool(FILE, 1, {
    keys: { idle_count: "5", idle_time: undefined, idle_scale_factor: "0.5" },
    tables: {},
  });

  expect(edited).toBe(
    FILE.replace("idle_count = 3   # guessed", "idle_count = 5   # guessed").replace(
      'idle_time = "5m"',
      "idle_scale_factor = 0.5",
    ),
  );
});

it("puts tables in the place of all tables of their header", () => {
  const section = '[[pool.schedule]]\nperiods = ["* 8-9 * * mon"]\nidle_count = 1';

  const edited = editPool(FILE, 1, { keys: {}, tables: { schedule: [section] } }) ?? "";

  expect(edited).toContain(`idle_time = "5m"\n\n${section}\n\n# by day\n\n[pool.qemu]\ncpus = 4 # many\n`);
  expect(edited).not.toContain("mon-fri");
});

it("adds to a pool that stands last, without an end of its line", () => {
  const edited = editPool('[[pool]]\nname = "a"', 0, {
    keys: { idle_count: "1" },
    tables: { target: ['[pool.target]\nwait = "5s"'] },
  });

  expect(edited).toBe('[[pool]]\nname = "a"\nidle_count = 1\n\n[pool.target]\nwait = "5s"');
});

it("edits no pool that is not there", () => {
  expect(editPool('name = "x"\n', 0, { keys: { idle_count: "1" }, tables: {} })).toBeUndefined();
});

it("writes diffs that git applies", () => {
  const dir = mkdtempSync(join(tmpdir(), "mayfly-diff-"));
  const lines = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 25 });
  try {
    fc.assert(
      fc.property(lines, lines, fc.boolean(), (before, after, isEnded) => {
        const end = isEnded ? "\n" : "";
        const [from, to] = [`${before.join("\n")}${end}`, `${after.join("\n")}${end}`];
        const file = join(dir, "file");
        writeFileSync(file, from);

        const diff = unifiedDiff(from, to, "file");

        if (from === to) expect(diff).toBe("");
        else execFileSync("git", ["apply", "-p0"], { cwd: dir, input: diff });
        expect(readFileSync(file, "utf8")).toBe(to);
      }),
      { numRuns: 30 },
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
});
