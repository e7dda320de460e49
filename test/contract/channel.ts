import { once } from "node:events";
import { buffer, text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Channel } from "../../src/ports/channel.ts";

const always = new AbortController().signal;

/** What every channel owes its users, on a machine with a POSIX shell. */
export function describeChannel(
  name: string,
  open: () => Promise<{ channel: Channel; end: () => Promise<void> }>,
): void {
  describe(`the channel of ${name}`, () => {
    let channel: Channel;
    let end: () => Promise<void>;

    beforeEach(async () => {
      ({ channel, end } = await open());
    });
    afterEach(async () => {
      await end();
    });

    it("gives a process its own stdin, stdout, stderr and exit code", async () => {
      const running = await channel.exec("cat; echo failed >&2; exit 3", {}, always);

      running.stdin.end("hello");

      const [stdout, stderr, exit] = await Promise.all([text(running.stdout), text(running.stderr), running.exited]);
      expect({ stdout, stderr, exit }).toEqual({ stdout: "hello", stderr: "failed\n", exit: { exitCode: 3 } });
    });

    it("names the signal that ended a process", async () => {
      const running = await channel.exec("kill -KILL $$", {}, always);
      running.stdout.resume();
      running.stderr.resume();

      expect(await running.exited).toEqual({ signal: "SIGKILL" });
    });

    it("carries every byte there and back", async () => {
      const bytes = Buffer.from(Array.from({ length: 4096 }, (_, index) => index % 256));
      const running = await channel.exec("cat", {}, always);
      running.stderr.resume();

      running.stdin.end(bytes);

      expect(await buffer(running.stdout)).toEqual(bytes);
    });

    it("runs commands side by side", async () => {
      const first = await channel.exec("cat", {}, always);
      const second = await channel.exec("echo second", {}, always);
      second.stderr.resume();

      const said = await text(second.stdout);
      first.stdin.end("first");

      expect([said, await text(first.stdout)]).toEqual(["second\n", "first"]);
    });

    it("ends one process on abort and leaves the others alone", async () => {
      const abort = new AbortController();
      const doomed = await channel.exec("cat", {}, abort.signal);
      const other = await channel.exec("cat", {}, always);

      abort.abort(new Error("enough"));

      await expect(doomed.exited).rejects.toThrow("enough");
      other.stdin.end("still here");
      expect(await text(other.stdout)).toBe("still here");
    });

    it("refuses work after its close, and says why it ended", async () => {
      channel.close();

      expect(await channel.closed).toMatch(/\w+ \w+/);
      await expect(channel.exec("true", {}, always)).rejects.toMatchObject({ name: "MachineLostError" });
      await expect(channel.forward("/var/run/docker.sock", always)).rejects.toMatchObject({ name: "MachineLostError" });
    });

    it("rejects what was running when it ended", async () => {
      const running = await channel.exec("cat", {}, always);
      const ended = once(running.stdout.resume(), "end");
      running.stderr.resume();

      channel.close();

      await expect(running.exited).rejects.toMatchObject({ name: "MachineLostError" });
      await ended;
    });
  });
}
