import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { claimScript } from "../../../src/jobs/scriptState.ts";
import { openLocalChannel } from "../../support/localChannel.ts";

const NONCE = "nonce-of-a-claim-test";
const never = new AbortController().signal;

let home = "";
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "mayfly-claim-"));
  const made = home;
  onTestFinished(() => rm(made, { recursive: true }));
});

/** Runs a program in the place of a supervisor, which is told the folder and the nonce as that is. */
function startInstead(program: string, folder: string): void {
  const child = spawn("bash", ["-c", program, "mayfly", folder, NONCE], { stdio: ["pipe", "ignore", "ignore"] });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
  });
}

it("waits for a supervisor that was started and has not made its folder yet", async () => {
  const trace = { folder: join(home, "script"), nonce: NONCE };
  startInstead('sleep 0.5; mkdir -- "$1"; read -r', trace.folder);

  expect(await claimScript(openLocalChannel(home), trace, never)).toBe("never");
});

it("knows nothing of a script whose supervisor runs without a folder", async () => {
  const trace = { folder: join(home, "script"), nonce: NONCE };
  startInstead(": here; read -r", trace.folder);

  await expect(claimScript(openLocalChannel(home), trace, never)).rejects.toMatchObject({
    code: "script-untraceable",
  });
});

it("keeps a script from beginning that was never started", async () => {
  const trace = { folder: join(home, "script"), nonce: NONCE };

  expect(await claimScript(openLocalChannel(home), trace, never)).toBe("never");
  expect(await claimScript(openLocalChannel(home), trace, never)).toBe("begun");
});
