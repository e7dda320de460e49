import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import {
  CapacityError,
  MachineLostError,
  NotFoundError,
  SystemError,
  TransientError,
} from "../../../src/domain/errors.ts";
import { jobIdFrom, leaseIdFrom, machineIdFrom } from "../../../src/domain/ids.ts";
import type { ExecOptions } from "../../../src/ports/channel.ts";
import { openLocalChannel } from "../../support/localChannel.ts";
import { serveManager } from "../../support/manager.ts";

const MIB = 2 ** 20;
const never = new AbortController().signal;
const jobId = jobIdFrom("j-1");
const leaseId = leaseIdFrom("l-1");
const machineId = machineIdFrom("m-1");

/** Serves processes of this host as those of a machine. */
const serveLocal = () => {
  const channel = openLocalChannel(tmpdir());
  return serveManager({ execOnMachine: (_id, ...rest) => channel.exec(...rest) });
};

/** Resolves once a signal has aborted. */
const aborted = (signal: AbortSignal): Promise<unknown> => (signal.aborted ? Promise.resolve() : once(signal, "abort"));

async function allOf<Part>(parts: AsyncIterable<Part>): Promise<Part[]> {
  const all: Part[] = [];
  for await (const part of parts) all.push(part);
  return all;
}

/** Chunks of 1 MiB; counts how many were asked for. */
async function* mebibytes(count: number, produced: { count: number }): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index += 1) {
    produced.count += 1;
    yield new Uint8Array(MIB).fill(index);
  }
}

async function* forever(produced: { count: number }): AsyncGenerator<Uint8Array> {
  for (;;) yield* mebibytes(1000, produced);
}

describe("a job's log", () => {
  it("comes from the offset on, to the last byte", async () => {
    const asked: unknown[] = [];
    await using served = await serveManager({
      async *jobLog(id, offset, follow) {
        asked.push(id, offset, follow);
        yield Buffer.from("binary \0\xff", "latin1");
        yield Buffer.from("end");
      },
    });

    const parts = await allOf(served.client.jobLog(jobId, 7, true, never));

    expect(Buffer.concat(parts).toString("latin1")).toBe("binary \0\xffend");
    expect(asked).toEqual([jobId, 7, true]);
  });

  it("is read no faster than its reader takes it, and no more once the reader has gone", async () => {
    const produced = { count: 0 };
    const stopped = Promise.withResolvers<void>();
    await using served = await serveManager({
      async *jobLog() {
        try {
          yield* forever(produced);
        } finally {
          stopped.resolve();
        }
      },
    });

    let readBytes = 0;
    for await (const bytes of served.client.jobLog(jobId, 0, true, never)) {
      readBytes += bytes.length;
      // Long enough for a server without back-pressure to run far ahead.
      await served.client.jobs(false).catch(() => undefined);
      if (readBytes > 20 * MIB) break;
    }
    await stopped.promise;

    expect(produced.count).toBeLessThan(30);
  });

  it("that is not there is a NotFoundError", async () => {
    await using served = await serveManager({
      // biome-ignore lint/correctness/useYield: it fails before its first byte
      async *jobLog() {
        throw new NotFoundError("unknown-job", "there is no job j-1");
      },
    });

    await expect(allOf(served.client.jobLog(jobId, 0, false, never))).rejects.toThrow(NotFoundError);
  });

  it("that breaks off in the middle is a TransientError after its bytes, never a short log", async () => {
    await using served = await serveManager({
      async *jobLog() {
        yield Buffer.from("first");
        throw new Error("disk gone");
      },
    });
    let seen = "";

    const reading = (async () => {
      for await (const bytes of served.client.jobLog(jobId, 0, true, never)) {
        seen += Buffer.from(bytes).toString();
      }
    })();

    await expect(reading).rejects.toThrow(TransientError);
    expect(seen).toBe("first");
  });

  it("tells the manager when its reader aborts", async () => {
    const reached = Promise.withResolvers<AbortSignal>();
    await using served = await serveManager({
      async *jobLog(_id, _offset, _follow, signal) {
        yield Buffer.from("first");
        reached.resolve(signal);
        await aborted(signal);
      },
    });
    const abort = new AbortController();
    const reason = new Error("enough");

    const reading = allOf(served.client.jobLog(jobId, 0, true, abort.signal));
    const signal = await reached.promise;
    abort.abort(reason);

    await expect(reading).rejects.toBe(reason);
    await aborted(signal);
  });
});

describe("a question that stays open", () => {
  it.each(["awaitJob", "awaitLease"] as const)("aborts in the manager when %s's client goes away", async (name) => {
    const reached = Promise.withResolvers<AbortSignal>();
    await using served = await serveManager({
      [name]: async (...args: unknown[]) => {
        const signal = args.at(-1) as AbortSignal;
        reached.resolve(signal);
        await aborted(signal);
        throw signal.reason;
      },
    });
    const abort = new AbortController();
    const reason = new Error("enough");

    const asking =
      name === "awaitJob"
        ? served.client.awaitJob(jobId, 60_000, abort.signal)
        : served.client.awaitLease(leaseId, 60_000, undefined, abort.signal);
    const signal = await reached.promise;
    abort.abort(reason);

    await expect(asking).rejects.toBe(reason);
    await aborted(signal);
  });
});

describe("an archive", () => {
  it("is uploaded whole, no faster than it is stored", async () => {
    const produced = { count: 0 };
    let mostAhead = 0;
    await using served = await serveManager({
      async putArchive(bytes) {
        let received = 0;
        for await (const part of bytes) {
          received += part.length;
          mostAhead = Math.max(mostAhead, produced.count - received / MIB);
          await new Promise(setImmediate);
        }
        return `${received}`;
      },
    });

    const archiveId = await served.client.putArchive(mebibytes(64, produced), never);

    expect(archiveId).toBe(`${64 * MIB}`);
    expect(mostAhead).toBeLessThan(10);
  });

  it("that cannot be stored fails with the reason, without all of it being sent", async () => {
    const produced = { count: 0 };
    await using served = await serveManager({
      putArchive: () => Promise.reject(new SystemError("disk-full", "no space left in /var/lib/mayfly")),
    });

    const uploading = served.client.putArchive(forever(produced), never);

    await expect(uploading).rejects.toThrow(new SystemError("disk-full", "no space left in /var/lib/mayfly"));
  });

  it("whose source fails throws the source's error, and stores nothing", async () => {
    const begun = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<"whole" | "broken">();
    await using served = await serveManager({
      async putArchive(bytes) {
        try {
          for await (const _part of bytes) begun.resolve();
          ended.resolve("whole");
        } catch (error) {
          ended.resolve("broken");
          throw error;
        }
        return "id";
      },
    });
    const failure = new Error("file changed as we read it");
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("some");
      await begun.promise;
      throw failure;
    };

    await expect(served.client.putArchive(source(), never)).rejects.toBe(failure);
    expect(await ended.promise).toBe("broken");
  });
});

describe("a process", () => {
  it("gets its stdin and answers both outputs and its exit code", async () => {
    await using served = await serveLocal();

    const shell = await served.client.execOnMachine(machineId, "cat; echo problem >&2; exit 3", {}, never);
    shell.stdin.end("hello");

    expect(await Promise.all([text(shell.stdout), text(shell.stderr), shell.exited])).toEqual([
      "hello",
      "problem\n",
      { exitCode: 3 },
    ]);
  });

  it("carries 100 MiB both ways at once, unchanged", async () => {
    await using served = await serveLocal();
    const sent = createHash("sha256");

    const shell = await served.client.execOnMachine(machineId, "cat", {}, never);
    shell.stderr.resume();
    const chunk = Buffer.alloc(MIB, "0123456789abcdef_");
    const feeding = (async () => {
      for (let index = 0; index < 100; index += 1) {
        chunk.writeUInt32BE(index);
        sent.update(chunk);
        if (!shell.stdin.write(Buffer.from(chunk))) await once(shell.stdin, "drain");
      }
      shell.stdin.end();
    })();
    const received = createHash("sha256");
    for await (const bytes of shell.stdout) received.update(bytes as Buffer);
    await feeding;

    expect(await shell.exited).toEqual({ exitCode: 0 });
    expect(received.digest("hex")).toBe(sent.digest("hex"));
  });

  it("is stopped by a reader that does not read, and so is a writer by a process that does not read", async () => {
    const output = new PassThrough();
    const input = new PassThrough();
    const exit = Promise.withResolvers<{ exitCode: number }>();
    await using served = await serveManager({
      execOnLease: async () => ({
        stdin: input,
        stdout: output,
        stderr: new PassThrough().end(),
        exited: exit.promise,
        resize: () => undefined,
        close: () => undefined,
      }),
    });
    const produced = { count: 0 };
    const fed = { count: 0 };

    const shell = await served.client.execOnLease(leaseId, "x", {}, never);
    const writing = (async () => {
      for await (const bytes of mebibytes(20, produced)) {
        if (!output.write(bytes)) await once(output, "drain");
      }
      output.end();
    })();
    const feeding = (async () => {
      for await (const bytes of mebibytes(20, fed)) {
        if (!shell.stdin.write(bytes)) await once(shell.stdin, "drain");
      }
      shell.stdin.end();
    })();
    // A full turn through the same connection: whatever was free to flow has flowed by then.
    for (let turn = 0; turn < 50; turn += 1) await served.client.health().catch(() => undefined);
    const whileStopped = [produced.count, fed.count];
    const [received, taken] = await Promise.all([buffer(shell.stdout), buffer(input), writing, feeding]);
    exit.resolve({ exitCode: 0 });

    expect(Math.max(...whileStopped)).toBeLessThan(5);
    expect([received.length, taken.length]).toEqual([20 * MIB, 20 * MIB]);
    shell.stderr.resume();
    expect(await shell.exited).toEqual({ exitCode: 0 });
  });

  it("is told of its terminal and of each new size", async () => {
    const resized = Promise.withResolvers<readonly number[]>();
    let asked: ExecOptions = {};
    await using served = await serveManager({
      execOnMachine: async (_id, _command, options) => {
        asked = options;
        return {
          stdin: new PassThrough(),
          stdout: new PassThrough(),
          stderr: new PassThrough(),
          exited: new Promise(() => undefined),
          resize: (...size) => resized.resolve(size),
          close: () => undefined,
        };
      },
    });

    const terminal = { term: "xterm", columns: 80, rows: 24 };
    const shell = await served.client.execOnMachine(machineId, "bash", { terminal }, never);
    shell.resize(132, 50);

    expect(await resized.promise).toEqual([132, 50]);
    expect(asked).toEqual({ terminal });
    shell.close();
  });

  it.each([
    ["that has no machine", new NotFoundError("unknown-machine", "there is no machine m-1")],
    ["whose machine is lost", new MachineLostError("channel-lost", "the machine's process died")],
  ])("%s throws what the manager threw", async (_title, error) => {
    await using served = await serveManager({ execOnMachine: () => Promise.reject(error) });

    await expect(served.client.execOnMachine(machineId, "true", {}, never)).rejects.toThrow(error);
  });

  it("whose machine is lost on the way ends with MachineLostError", async () => {
    const channel = openLocalChannel(tmpdir());
    await using served = await serveManager({ execOnMachine: (_id, ...rest) => channel.exec(...rest) });

    const shell = await served.client.execOnMachine(machineId, "echo ready; sleep 100", {}, never);
    await once(shell.stdout, "data");
    channel.break("the machine's process died");

    await expect(shell.exited).rejects.toThrow(new MachineLostError("channel-lost", "the machine's process died"));
  });

  it.each(["abort", "close"] as const)(
    "is closed on its machine after the client's %s, though it reads nothing",
    async (how) => {
      const closed = Promise.withResolvers<void>();
      await using served = await serveManager({
        execOnMachine: async () => ({
          stdin: new PassThrough({ highWaterMark: 1 }),
          stdout: new PassThrough(),
          stderr: new PassThrough(),
          exited: new Promise(() => undefined),
          resize: () => undefined,
          close: () => closed.resolve(),
        }),
      });
      const abort = new AbortController();

      const shell = await served.client.execOnMachine(machineId, "x", {}, abort.signal);
      shell.stdin.write(Buffer.alloc(10 * MIB));
      if (how === "abort") abort.abort(new Error("enough"));
      else shell.close();

      await closed.promise;
      await expect(shell.exited).rejects.toThrow();
    },
  );

  it("ends with TransientError when the daemon vanishes", async () => {
    const served = await serveLocal();

    const shell = await served.client.execOnMachine(machineId, "sleep 100", {}, never);
    await served[Symbol.asyncDispose]();

    await expect(shell.exited).rejects.toThrow(TransientError);
  });
});

describe("the engine's stream", () => {
  it("carries bytes both ways, and the end of one direction alone", async () => {
    const engine = createServer({ allowHalfOpen: true }, (socket) => {
      void buffer(socket).then((bytes) => socket.end(`got ${bytes.length}`));
    });
    const path = join(tmpdir(), `mayfly-engine-${process.pid}.sock`);
    engine.listen(path);
    await once(engine, "listening");
    await using served = await serveManager({
      forwardEngine: async () => connect({ path, allowHalfOpen: true }),
    });

    const stream = await served.client.forwardEngine(leaseId, never);
    stream.end(Buffer.alloc(5 * MIB));

    expect(await text(stream)).toBe(`got ${5 * MIB}`);
    engine.close();
  });

  it("is closed on the machine when the client goes away, and on the client when the engine does", async () => {
    const [first, second] = [new PassThrough(), new PassThrough()];
    const engines = [first, second];
    await using served = await serveManager({ forwardEngine: async () => engines.shift() ?? first });

    const abandoned = await served.client.forwardEngine(leaseId, never);
    const cut = await served.client.forwardEngine(leaseId, never);
    abandoned.destroy();
    second.destroy();

    await Promise.all([first.closed || once(first, "close"), once(cut.resume(), "close")]);
  });

  it("that cannot be had throws what the manager threw", async () => {
    await using served = await serveManager({
      forwardEngine: () => Promise.reject(new CapacityError("wait-timeout", "no room")),
    });

    await expect(served.client.forwardEngine(leaseId, never)).rejects.toThrow(
      new CapacityError("wait-timeout", "no room"),
    );
  });
});
