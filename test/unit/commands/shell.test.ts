import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { NotFoundError } from "../../../src/domain/errors.ts";
import type { ExecExit, ExecOptions } from "../../../src/ports/channel.ts";
import type { Manager } from "../../../src/ports/manager.ts";
import { CLI, runCli } from "../../support/cli.ts";
import type { Outcome } from "../../support/cli.ts";
import { openLocalChannel } from "../../support/localChannel.ts";
import { serveManager } from "../../support/manager.ts";

/** Runs `mayfly machine shell` with processes of this host as those of the machine. */
async function runShell(words: readonly string[], stdin?: string): Promise<Outcome & { readonly commands: string[] }> {
  const channel = openLocalChannel(tmpdir());
  await using served = await serveManager({ execOnMachine: (_id, ...rest) => channel.exec(...rest) });
  const outcome = await runCli(["machine", "shell", "--socket", served.socketPath, "m-1", ...words], {
    ...(stdin === undefined ? {} : { stdin }),
  });
  return { ...outcome, commands: channel.commands };
}

describe("one command on a machine", () => {
  it("gets its words and stdin, and answers both outputs and its exit code", async () => {
    const outcome = await runShell(["--", "sh", "-c", 'cat; echo "$0" >&2; exit 7', "a  b"], "typed");

    expect(outcome).toMatchObject({ exitCode: 7, stdout: "typed", stderr: "a  b\n" });
  });

  it("that a signal ended ends with 128 and its number", async () => {
    expect(await runShell(["--", "sh", "-c", "kill -KILL $$"])).toMatchObject({ exitCode: 137 });
  });

  it("ends though nobody closes the stdin", async () => {
    const channel = openLocalChannel(tmpdir());
    await using served = await serveManager({ execOnMachine: (_id, ...rest) => channel.exec(...rest) });

    const child = spawn(process.execPath, [CLI, "machine", "shell", "--socket", served.socketPath, "m-1", "true"]);
    const [exitCode] = await once(child, "exit");

    expect(exitCode).toBe(0);
    child.stdin.destroy();
  });

  it("without words reads a shell's commands from stdin", async () => {
    const { exitCode, stdout, commands } = await runShell([], "echo from $((40 + 2))\nexit 5\n");

    expect({ exitCode, stdout }).toEqual({ exitCode: 5, stdout: "from 42\n" });
    expect(commands).toEqual(['exec "$SHELL" -l']);
  });

  it("on an unknown machine ends with 2", async () => {
    const unknown = new NotFoundError("unknown-machine", "there is no machine m-1");
    await using served = await serveManager({ execOnMachine: () => Promise.reject(unknown) });

    const outcome = await runCli(["machine", "shell", "--socket", served.socketPath, "m-1"]);

    expect(outcome).toEqual({ exitCode: 2, stdout: "", stderr: "mayfly: there is no machine m-1\n" });
  });
});

describe("a shell from a terminal", () => {
  it("gets a terminal of its size and every key, is told new sizes, and leaves the terminal as it was", async () => {
    const asked = Promise.withResolvers<ExecOptions>();
    const resized = Promise.withResolvers<void>();
    const exit = Promise.withResolvers<ExecExit>();
    const [stdin, stdout] = [new PassThrough(), new PassThrough()];
    const execOnMachine: Manager["execOnMachine"] = async (_id, _command, options) => {
      asked.resolve(options);
      // stty sets one number after the other, and each is a new size.
      const resize = (columns: number, rows: number): void => {
        if (columns === 132 && rows === 50) resized.resolve();
      };
      return { stdin, stdout, stderr: new PassThrough().end(), exited: exit.promise, resize, close: () => undefined };
    };
    await using served = await serveManager({ execOnMachine });
    const mayfly = `"${process.execPath}" "${CLI}" machine shell --socket "${served.socketPath}" m-1`;
    const inTerminal = `stty cols 100 rows 30; tty; ${mayfly}; echo "ended with $?"; stty -a`;

    // `script` is the program that gives a command a terminal of its own.
    const terminal = spawn("/usr/bin/script", ["-qec", inTerminal, "/dev/null"], {
      env: { ...process.env, TERM: "vt220" },
    });
    let screen = "";
    terminal.stdout.on("data", (bytes: Buffer) => {
      screen += bytes.toString();
    });
    const closed = once(terminal, "close");
    const options = await asked.promise;
    stdout.write("machine$ ");
    while (!screen.includes("machine$ ")) await once(terminal.stdout, "data");
    terminal.stdin.write("\u0003x\r");
    const keys: Buffer[] = [];
    while (Buffer.concat(keys).length < 3) keys.push((await once(stdin, "data"))[0] as Buffer);
    execFileSync("stty", ["-F", /\/dev\/pts\/\d+/.exec(screen)?.[0] ?? "none", "cols", "132", "rows", "50"]);
    await resized.promise;
    stdout.end("bye\r\n");
    exit.resolve({ exitCode: 9 });
    await closed;

    expect(options).toEqual({ terminal: { term: "vt220", columns: 100, rows: 30 } });
    expect(Buffer.concat(keys).toString()).toBe("\u0003x\r");
    expect(screen).toMatch(/bye\s+ended with 9/);
    expect(screen).toMatch(/[^-]icanon/);
  });
});
