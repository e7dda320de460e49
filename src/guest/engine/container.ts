import type { Duplex } from "node:stream";
import { pipeline, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type Docker from "dockerode";
import type { Container, ContainerSpec } from "../../ports/engine.ts";
import type { EngineConnection } from "./call.ts";
import { call, readAnswer } from "./call.ts";
import { createDemux } from "./demux.ts";
import { ignoreRefusals } from "./errors.ts";

const GONE = 404;
/** Not running, for kill; already being removed, for remove. */
const CONFLICT = 409;

/** Creates a container on the engine. @throws NotFoundError when its image is not there; JobError when the engine refuses it. */
export async function createContainer(
  connection: EngineConnection,
  spec: ContainerSpec,
  signal: AbortSignal,
): Promise<Container> {
  const created = await call(connection, `create the container "${spec.name}"`, signal, (abortSignal) =>
    connection.docker.createContainer({ ...optionsFrom(spec), abortSignal }),
  );
  return containerFrom(connection, created, spec);
}

function optionsFrom(spec: ContainerSpec): Docker.ContainerCreateOptions {
  return {
    name: spec.name,
    Image: spec.image,
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    Labels: { ...spec.labels },
    AttachStdin: spec.hasStdin,
    OpenStdin: spec.hasStdin,
    StdinOnce: spec.hasStdin,
    ...(spec.entrypoint && { Entrypoint: [...spec.entrypoint] }),
    ...(spec.command && { Cmd: [...spec.command] }),
    ...(spec.user !== undefined && { User: spec.user }),
    ...(spec.workingDir !== undefined && { WorkingDir: spec.workingDir }),
    HostConfig: {
      Binds: [...spec.binds],
      ExtraHosts: [...spec.extraHosts],
      Privileged: spec.isPrivileged,
      NetworkMode: spec.network,
    },
    // The engine refuses aliases on its own default networks.
    ...(spec.aliases.length > 0 && {
      NetworkingConfig: { EndpointsConfig: { [spec.network]: { Aliases: [...spec.aliases] } } },
    }),
  };
}

/** Presents a container, by whatever is known of it. */
export function containerFrom(
  connection: EngineConnection,
  container: Docker.Container,
  { name, network, hasStdin }: Pick<ContainerSpec, "name" | "network" | "hasStdin">,
): Container {
  const ask = <Answer>(
    verb: string,
    signal: AbortSignal,
    run: (abortSignal: AbortSignal) => Promise<Answer>,
  ): Promise<Answer> => call(connection, `${verb} the container "${name}"`, signal, run);
  const path = `/containers/${container.id}`;
  return {
    id: container.id,
    async attach(signal) {
      const streams = { stream: true, stdin: hasStdin, stdout: true, stderr: true };
      const stdin: Duplex = await ask("attach to", signal, async (abortSignal) => {
        const socket = await container.attach({ ...streams, hijack: true, abortSignal });
        return socket as unknown as Duplex;
      });
      return { stdin, output: outputFrom(stdin, signal) };
    },
    async start(signal) {
      await ask("start", signal, (abortSignal) => container.start({ abortSignal }));
    },
    async wait(signal) {
      const answer = await ask("wait for", signal, (abortSignal) =>
        readAnswer(connection, "POST", `${path}/wait`, {}, abortSignal),
      );
      return (JSON.parse(answer) as { readonly StatusCode: number }).StatusCode;
    },
    async tail(lines, signal) {
      const log = await ask("read the log of", signal, (abortSignal) =>
        container.logs({ stdout: true, stderr: true, tail: lines, follow: false, abortSignal }),
      );
      return text(Readable.from([log]).pipe(createDemux()));
    },
    async inspect(signal) {
      const facts = await ask("inspect", signal, (abortSignal) => container.inspect({ abortSignal }));
      return {
        isRunning: facts.State.Running,
        exitCode: facts.State.ExitCode,
        ipAddress: facts.NetworkSettings.Networks[network]?.IPAddress ?? "",
      };
    },
    async kill(signal) {
      await ask("kill", signal, (abortSignal) => ignoreRefusals(container.kill({ abortSignal }), [GONE, CONFLICT]));
    },
    async remove(signal) {
      await ask("remove", signal, (abortSignal) =>
        ignoreRefusals(container.remove({ force: true, v: true, abortSignal }), [GONE, CONFLICT]),
      );
    },
  };
}

function outputFrom(socket: Duplex, signal: AbortSignal): Readable {
  const onAbort = (): void => void socket.destroy();
  signal.addEventListener("abort", onAbort, { once: true });
  socket.once("close", () => signal.removeEventListener("abort", onAbort));
  const output = createDemux();
  // The reader sees the error of the output; nobody need listen before it reads.
  output.on("error", () => {});
  pipeline(socket, output, () => {});
  return output;
}
