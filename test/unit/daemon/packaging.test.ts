import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const read = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../src/daemon/packaging/${name}`, import.meta.url)), "utf8");
const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;
/** The most exposure that `systemd-analyze security` may see, in tenths: what QEMU and Node need is left open. */
const MOST_EXPOSURE = 30;

/** Runs systemd-analyze on the unit, with a program that is there in the place of an installed mayfly. */
function analyze(unit: string, ...args: readonly string[]): { readonly status: number | null; readonly said: string } {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-unit-"));
  try {
    const path = join(folder, "mayfly.service");
    writeFileSync(path, unit.replaceAll("/usr/bin/mayfly", process.execPath));
    const { status, stdout, stderr } = spawnSync("systemd-analyze", [...args, path], { encoding: "utf8" });
    return { status, said: `${stdout}${stderr}` };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it.runIf(hasSystemd)("has a unit that systemd takes, and whose misspelt settings it would not", () => {
  expect(analyze(read("mayfly.service"), "verify", "--man=no", "--recursive-errors=no")).toEqual({
    status: 0,
    said: "",
  });
  const misspelt = read("mayfly.service").replace("KillMode=", "KilMode=");
  expect(analyze(misspelt, "verify", "--man=no", "--recursive-errors=no").said).toContain("KilMode");
});

it.runIf(hasSystemd)("is hardened: systemd sees little exposure", () => {
  const { status, said } = analyze(
    read("mayfly.service"),
    "security",
    "--offline=true",
    `--threshold=${MOST_EXPOSURE}`,
  );

  expect(status, said).toBe(0);
});

it("lets machines outlive the manager, and reloads by the signal that the daemon heeds", () => {
  const unit = read("mayfly.service");

  expect(unit).toContain("\nKillMode=process\n");
  expect(unit).toContain("\nExecReload=/bin/kill -HUP $MAINPID\n");
});

/** The instructions of a container file, its continued lines joined. */
const instructions = (text: string): { readonly name: string; readonly rest: string }[] =>
  text
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [, name = "", rest = ""] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
      return { name, rest };
    });
const KNOWN = ["FROM", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"];

it("has a container file of known instructions, which runs the daemon as a user of its own", () => {
  const lines = instructions(read("Containerfile"));

  expect(lines.filter(({ name }) => !KNOWN.includes(name))).toEqual([]);
  expect(lines[0]?.name).toBe("FROM");
  expect(lines.findLast(({ name }) => name === "USER")?.rest).toBe("10001:10001");
  const words = (name: string): unknown => JSON.parse(lines.find((line) => line.name === name)?.rest ?? "");
  expect(words("ENTRYPOINT")).toEqual(["/usr/bin/tini", "--", "mayfly"]);
  expect(words("CMD")).toEqual(["daemon", "--config", "/etc/mayfly/mayfly.toml"]);
  for (const { rest } of lines.filter(({ name }) => name === "RUN"))
    expect(spawnSync("sh", ["-n", "-c", rest]).status, rest).toBe(0);
});
