import { execFileSync } from "node:child_process";
import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { armingCommandFrom } from "../../../src/guest/switch.ts";

const LIMITS = { orphanTimeoutMs: 1_800_000, lifetimeMs: 50_000_500 };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-arm-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command as a machine does, with this folder for systemd's and a systemctl that writes down what it is asked. */
async function arm(limits = LIMITS, isActive = false): Promise<{ readonly asked: string[] }> {
  const programs = join(folder, "bin");
  const units = join(folder, "units");
  mkdirSync(programs, { recursive: true });
  mkdirSync(units, { recursive: true });
  const log = join(folder, "asked");
  writeFileSync(log, "");
  const script = `#!/bin/sh\necho "$*" >>${log}\ncase $1 in is-active) exit ${isActive ? 0 : 3} ;; esac\n`;
  writeFileSync(join(programs, "systemctl"), script, { mode: 0o755 });
  const [shell = "", ...args] = await armingCommandFrom(limits);
  const here = args.map((arg) => arg.replaceAll("/etc/systemd/system", units));
  execFileSync(shell, here, { env: { PATH: `${programs}:/usr/bin:/bin` }, stdio: ["ignore", "ignore", "inherit"] });
  return { asked: readFileSync(log, "utf8").trim().split("\n") };
}

const unit = (name: string): string => readFileSync(join(folder, "units", name), "utf8");

describe("the command that arms the dead-man's switch", () => {
  it("gives the timers their limits, never a shorter one", async () => {
    await arm();

    expect(unit("mayfly-orphan.timer")).toMatch(/^\[Timer\][\s\S]*^OnActiveSec=1800s$/m);
    expect(unit("mayfly-lifetime.timer")).toMatch(/^\[Timer\][\s\S]*^OnBootSec=50001s$/m);
  });

  it("starts them at once, and has each later boot start them", async () => {
    const { asked } = await arm();

    expect(asked.at(-1)).toBe("restart mayfly-orphan.timer mayfly-lifetime.timer mayfly-alive.socket");
    expect(readdirSync(join(folder, "units/sysinit.target.wants"))).toEqual([
      "mayfly-alive.socket",
      "mayfly-lifetime.timer",
      "mayfly-orphan.timer",
    ]);
  });

  it("lets both end the machine without a process, without waiting for anything", async () => {
    await arm();

    for (const timer of ["mayfly-orphan.timer", "mayfly-lifetime.timer"]) {
      expect(unit(timer)).toMatch(/^DefaultDependencies=no$/m);
      expect(unit(timer)).toMatch(/^Unit=mayfly-poweroff.service$/m);
    }
    expect(unit("mayfly-poweroff.service")).toMatch(
      /^SuccessAction=poweroff-immediate\nFailureAction=poweroff-immediate$/m,
    );
    expect(unit("mayfly-poweroff.service")).not.toMatch(/^Exec/m);
  });

  it("may be set back as often as anybody likes", async () => {
    await arm();

    expect(unit("mayfly-orphan.timer")).toMatch(/^\[Unit\][\s\S]*^StartLimitIntervalSec=0$[\s\S]*^\[Timer\]/m);
  });

  it("has systemd read its files again only where an older switch was armed before", async () => {
    const { asked } = await arm();
    const again = await arm({ ...LIMITS, orphanTimeoutMs: 60_000 }, true);

    expect(asked).not.toContain("daemon-reload");
    expect(again.asked).toContain("daemon-reload");
    expect(unit("mayfly-orphan.timer")).toMatch(/^OnActiveSec=60s$/m);
  });
});
