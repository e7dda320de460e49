import { writeFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/daemon/clock.ts";
import { openChannel } from "../../../src/guest/handshake.ts";
import { watchNotices } from "../../../src/guest/notices.ts";
import type { Channel } from "../../../src/ports/channel.ts";
import type { MachineNotice } from "../../../src/ports/guest.ts";
import type { TestSshd } from "../../support/sshd.ts";
import { startSshd } from "../../support/sshd.ts";

// The real script over a real sshd; the metadata service is played.

const ACTION = '{\n  "action": "terminate",\n  "time": "2026-11-01T08:22:00Z"\n}';
const ADVICE = '{"noticeTime":"2026-11-01T08:10:00Z"}';

let sshd: TestSshd;
let channel: Channel;
let watching: Promise<void>;
const notices: MachineNotice[] = [];
let stop: AbortController;

const answerWith = (what: string, text: string): void =>
  writeFileSync(join(sshd.folder, what.replaceAll("/", "-")), text);
const start = (): void => {
  watching = watchNotices({ channel }, (notice) => void notices.push(notice), stop.signal);
};
/** Shells that run the script now. */
async function watchers(): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc"))
    if (
      /^\d+$/.test(pid) &&
      (await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "")).includes(`NOTICES_OF=${sshd.folder}\0`)
    )
      found.push(pid);
  return found;
}

beforeEach(async () => {
  notices.length = 0;
  stop = new AbortController();
  sshd = await startSshd();
  // `-n setpriv --reuid --regid --clear-groups` are the machine's own; the host has no account of that number.
  sshd.playSudo(`echo "$*" >${sshd.folder}/sudo; shift 5; NOTICES_OF=${sshd.folder} exec "$@"`);
  sshd.playProgram("sleep", "exec /bin/sleep 0.05");
  sshd.playProgram(
    "curl",
    `for url; do :; done
case "$*" in *"--request PUT"*) echo token; exit ;; *"X-aws-ec2-metadata-token: token"*) ;; *) exit 22 ;; esac
cat "${sshd.folder}/$(echo "\${url#http://169.254.169.254/latest/meta-data/}" | tr / -)" 2>/dev/null || exit 22`,
  );
  channel = await openChannel(sshd.address, sshd.keys, sshd.user, 5_000, systemClock, stop.signal);
});
afterEach(async () => {
  stop.abort(new Error("the test is over"));
  await watching;
  channel.close();
  await sshd.stop();
});

describe("watchNotices", () => {
  it("tells each notice once, with its time, as the account that the metadata service is open to", async () => {
    start();
    answerWith("events/recommendations/rebalance", ADVICE);
    await expect.poll(() => notices).toHaveLength(1);
    answerWith("spot/instance-action", ACTION);
    await expect.poll(() => notices).toHaveLength(2);
    await systemClock.sleep(300);

    expect(notices).toEqual([
      { kind: "rebalance", at: Date.parse("2026-11-01T08:10:00Z") },
      { kind: "interruption", at: Date.parse("2026-11-01T08:22:00Z") },
    ]);
    expect(await readFile(join(sshd.folder, "sudo"), "utf8")).toMatch(
      /^-n setpriv --reuid=61000 --regid=61000 --clear-groups sh -c /,
    );
  });

  it("leaves no process behind when it is stopped, nor when the channel goes", async () => {
    start();
    await expect.poll(watchers).not.toEqual([]);
    stop.abort(new Error("stopped"));
    await watching;
    await expect.poll(watchers, { timeout: 5_000 }).toEqual([]);

    stop = new AbortController();
    start();
    await expect.poll(watchers).not.toEqual([]);
    channel.close();
    await watching;

    await expect.poll(watchers, { timeout: 5_000 }).toEqual([]);
    expect(notices).toEqual([]);
  });

  it("ends without a word on a machine that has nothing to ask with", async () => {
    sshd.playSudo("exit 1");

    start();
    await watching;

    expect(notices).toEqual([]);
  });

  it("listens no longer to a machine that says too much", async () => {
    sshd.playSudo("shift 5; head -c 100000 /dev/zero | tr '\\\\0' x; exec /bin/sleep 60");

    start();
    await watching;

    expect(notices).toEqual([]);
  });
});
