import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { until } from "../until.ts";

/** The version that the suite was written against. */
const MOTO = "moto[ec2,server]==5.2.5";
const INSTALL_DEADLINE_MS = 10 * 60_000;
const START_DEADLINE_MS = 120_000;

const run = promisify(execFile);

/** moto's server, the independent EC2 emulator, on loopback. */
export interface Moto {
  readonly url: string;
  close(): Promise<void>;
}

/** Installs moto into a virtual environment of its own, once, in the user's cache. @throws Error with a sentence where that cannot be done. */
export async function installMoto(signal: AbortSignal): Promise<void> {
  const folder = motoFolder();
  const done = join(folder, "installed");
  if (await exists(done)) return;
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, ".."), { recursive: true });
  const options = { signal: AbortSignal.any([signal, AbortSignal.timeout(INSTALL_DEADLINE_MS)]) };
  try {
    await run("python3", ["-m", "venv", folder], options);
    await run(join(folder, "bin/python"), ["-m", "pip", "install", "--quiet", "--no-compile", MOTO], options);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw new Error(`${MOTO} could not be had from PyPI: ${lastLineOf(error)}`, { cause: error });
  }
  await writeFile(done, MOTO);
}

/** Starts moto's server. */
export async function startMoto(): Promise<Moto> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(join(motoFolder(), "bin/moto_server"), ["-H", "127.0.0.1", "-p", String(port)], {
    stdio: "ignore",
  });
  const ended = once(child, "exit");
  const answers = (): Promise<boolean> =>
    fetch(`${url}/moto-api/`).then(
      (response) => response.ok,
      () => false,
    );
  await until("moto answers", START_DEADLINE_MS, answers);
  return {
    url,
    async close() {
      child.kill();
      await ended;
    },
  };
}

const motoFolder = (): string =>
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "mayfly-test", MOTO.replace(/[^\w.]+/g, "-"));

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

function lastLineOf(error: unknown): string {
  const { stderr, message } = error as { readonly stderr?: string; readonly message: string };
  return (stderr || message).trim().split("\n").at(-1) ?? "";
}
