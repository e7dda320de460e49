import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";

const WRITER = fileURLToPath(new URL("../support/pausingWriter.ts", import.meta.url));
/** SQLite would move its log into the database within two of these. */
const COMMITS = 1_000;

const canTrace = spawnSync("strace", ["-qq", "-e", "trace=none", "true"]).status === 0;

it.skipIf(!canTrace)("has a commit wait for one fsync and no more, whatever the store does for itself", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-fsync-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const trace = join(folder, "trace");
  const options = ["-f", "-qq", "-e", "trace=fsync,fdatasync,write", "-o", trace];

  await promisify(execFile)("strace", [...options, process.execPath, WRITER, join(folder, "state"), `${COMMITS}`]);

  const counts: number[] = [];
  let [isWithin, between] = [false, 0];
  for (const line of (await readFile(trace, "utf8")).split("\n")) {
    if (line.includes('write(1, "begin')) {
      isWithin = true;
      counts.push(0);
    } else if (line.includes('write(1, "end')) isWithin = false;
    else if (/ (fsync|fdatasync)\(/.test(line)) {
      if (isWithin) counts.push((counts.pop() ?? 0) + 1);
      else if (counts.length > 0 && counts.length < COMMITS) between += 1;
    }
  }
  expect(counts).toEqual(Array.from({ length: COMMITS }, () => 1));
  // It did do for itself what would else have been part of a commit.
  expect(between).toBeGreaterThan(0);
});
