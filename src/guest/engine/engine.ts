import type Docker from "dockerode";
import { MachineLostError } from "../../domain/errors.ts";
import type { Channel } from "../../ports/channel.ts";
import type { Engine, ImageFacts } from "../../ports/engine.ts";
import { createEngineAgent } from "./agent.ts";
import type { EngineConnection } from "./call.ts";
import { call, readAnswer } from "./call.ts";
import { containerFrom, createContainer } from "./container.ts";
import { createDocker } from "./docker.ts";
import { ignoreRefusals } from "./errors.ts";
import { pullImage } from "./pull.ts";

const GONE = 404;

/** Where Debian's docker.io listens. */
const SOCKET_PATH = "/var/run/docker.sock";

/** Speaks with the Docker engine of one machine over its channel. Ends with the channel. */
export function createEngine(channel: Channel, socketPath: string = SOCKET_PATH): Engine {
  const connection = connectionOver(channel, socketPath);
  const { docker } = connection;
  return {
    async ping(signal) {
      await call(connection, "answer", signal, (abortSignal) =>
        readAnswer(connection, "GET", "/_ping", {}, abortSignal),
      );
    },
    pull: (image, auth, onProgress, signal) => pullImage(connection, image, auth, onProgress, signal),
    async inspectImage(image, signal) {
      const doing = `inspect the image "${image}"`;
      return imageFactsFrom(await call(connection, doing, signal, () => docker.getImage(pathFrom(image)).inspect()));
    },
    async createNetwork(name, signal) {
      const facts = await call(connection, `create the network "${name}"`, signal, async (abortSignal) => {
        const network = await docker.createNetwork({ Name: name, Driver: "bridge", CheckDuplicate: true, abortSignal });
        return (await network.inspect()) as Docker.NetworkInspectInfo;
      });
      return { gateway: facts.IPAM?.Config?.[0]?.Gateway ?? "" };
    },
    async removeNetwork(name, signal) {
      await call(connection, `remove the network "${name}"`, signal, (abortSignal) =>
        ignoreRefusals(docker.getNetwork(name).remove({ abortSignal }), [GONE]),
      );
    },
    createContainer: (spec, signal) => createContainer(connection, spec, signal),
    containerById: (id) =>
      containerFrom(connection, docker.getContainer(id), { name: id, network: "", hasStdin: false }),
  };
}

function connectionOver(channel: Channel, socketPath: string): EngineConnection {
  const agent = createEngineAgent(channel, socketPath);
  const lost = new AbortController();
  void channel.closed.then((why) => {
    lost.abort(new MachineLostError("channel-lost", `Lost the machine: ${why}`));
    agent.destroy();
  });
  return { docker: createDocker(agent), lost: lost.signal };
}

/** An image's name may hold anything that a job's author wrote; the engine then says what is wrong with it. */
const pathFrom = (image: string): string => image.split("/").map(encodeURIComponent).join("/");

const imageFactsFrom = ({ Id: id, Config: config }: Docker.ImageInspectInfo): ImageFacts => ({
  id,
  exposedTcpPorts: Object.keys(config.ExposedPorts ?? {})
    .filter((port) => !port.includes("/") || port.endsWith("/tcp"))
    .map((port) => Number.parseInt(port, 10))
    .sort((first, second) => first - second),
  entrypoint: [config.Entrypoint ?? []].flat(),
  command: [config.Cmd ?? []].flat(),
});
