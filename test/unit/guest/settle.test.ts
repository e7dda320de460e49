import { afterEach, beforeEach, expect, it } from "vitest";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/daemon/clock.ts";
import { openChannel } from "../../../src/guest/handshake.ts";
import { settleMachine } from "../../../src/guest/settle.ts";
import type { Channel } from "../../../src/ports/channel.ts";
import type { TestSshd } from "../../support/sshd.ts";
import { startSshd } from "../../support/sshd.ts";

const always = new AbortController().signal;
let sshd: TestSshd;
let channel: Channel;

beforeEach(async () => {
  sshd = await startSshd();
  channel = await openChannel(sshd.address, sshd.keys, sshd.user, 5_000, systemClock, always);
});
afterEach(async () => {
  channel.close();
  await sshd.stop();
});

it("has the machine write its memory to its disk", async () => {
  sshd.playProgram("sync", `echo "asked to sync" >>${sshd.folder}/synced`);

  await settleMachine({ channel }, systemClock, always);

  expect(readFileSync(join(sshd.folder, "synced"), "utf8")).toBe("asked to sync\n");
});

it("fails with what the machine said when it cannot", async () => {
  sshd.playProgram("sync", "echo 'disk on fire' >&2; exit 1");

  await expect(settleMachine({ channel }, systemClock, always)).rejects.toMatchObject({
    code: "settle-failed",
    message: "Expected `sync` to exit with 0, got 1: disk on fire",
  });
});
