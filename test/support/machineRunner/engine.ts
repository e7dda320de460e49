import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import Docker from "dockerode";
import type { MachineCredentials } from "./machine.ts";

/** What a script in a container came to. */
export interface ScriptOutput {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A client with what the directory of the machine holds, and nothing else. */
export function dockerAt({ url, certPath }: MachineCredentials): Docker {
  const { hostname, port } = new URL(url);
  const pem = (name: string): string => readFileSync(join(certPath, name), "utf8");
  const tls = { ca: pem("ca.pem"), cert: pem("cert.pem"), key: pem("key.pem") };
  return new Docker({ protocol: "https", host: hostname, port: Number(port), ...tls });
}

/** Pulls an image, as the runner's default policy has it, and answers its id. */
export async function pull(docker: Docker, image: string): Promise<string> {
  const name = image.includes(":") ? image : `${image}:latest`;
  const progress = (await docker.pull(name)) as NodeJS.ReadableStream;
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(progress, (error) => (error === null ? resolve() : reject(error)));
  });
  return (await docker.getImage(name).inspect()).Id;
}

/** Starts a container, be it anew, and hands its shell a script through an attached stdin. */
export async function runScript(docker: Docker, container: Docker.Container, script: string): Promise<ScriptOutput> {
  const attached = (await container.attach({
    ...{ stream: true, stdin: true, stdout: true, stderr: true, hijack: true },
  })) as Duplex;
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(attached, stdout, stderr);
  attached.once("end", () => {
    stdout.end();
    stderr.end();
  });
  const output = Promise.all([text(stdout), text(stderr)]);
  await container.start();
  attached.end(script);
  const [out, err] = await output;
  const { StatusCode: exitCode } = (await container.wait()) as { StatusCode: number };
  return { exitCode, stdout: out, stderr: err };
}

/** Runs a container to its end, which must be a good one, and removes it. */
export async function runToEnd(docker: Docker, options: Docker.ContainerCreateOptions): Promise<void> {
  const container = await docker.createContainer(options);
  try {
    await container.start();
    const { StatusCode: exitCode } = (await container.wait()) as { StatusCode: number };
    if (exitCode === 0) return;
    const log = await container.logs({ stdout: true, stderr: true });
    throw new Error(`${options.Cmd?.join(" ")} ended with ${exitCode}:\n${log}`);
  } finally {
    await container.remove({ force: true });
  }
}
