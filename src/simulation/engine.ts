import { PassThrough } from "node:stream";
import type { Duplex, Writable } from "node:stream";
import { ConflictError, NotFoundError } from "../domain/errors.ts";
import type { Container, ContainerSpec, Engine, ImageFacts } from "../ports/engine.ts";

/** Plays what a container runs; answers its exit code. */
export type RunContainer = (container: {
  readonly spec: ContainerSpec;
  readonly stdin: Duplex;
  readonly output: Writable;
  /** Aborts when the container is killed. */
  readonly signal: AbortSignal;
}) => Promise<number>;

/** Exits with 0 at once, saying nothing. */
export const quietContainer: RunContainer = async () => 0;

const NO_FACTS: Omit<ImageFacts, "id"> = { exposedTcpPorts: [], entrypoint: [], command: ["sh"] };

/**
 * Creates an engine in memory: it knows an image once it was pulled, and plays containers by `runContainer`.
 * @param broken aborts with what every call throws from then on.
 */
export function createSimulatedEngine(runContainer: RunContainer, broken: AbortSignal): Engine {
  const throwIfBroken = (): void => broken.throwIfAborted();
  const images = new Set<string>();
  const networks = new Set<string>();
  const containers = new Map<string, Container>();
  let created = 0;

  return {
    ping: async () => throwIfBroken(),
    async pull(image, _auth, onProgress) {
      throwIfBroken();
      images.add(image);
      onProgress(`pulled ${image}`);
    },
    async inspectImage(image) {
      throwIfBroken();
      if (!images.has(image)) throw new NotFoundError("image-not-found", `no image "${image}" on this machine`);
      return { id: `sha256:${image}`, ...NO_FACTS };
    },
    async createNetwork(name) {
      throwIfBroken();
      networks.add(name);
      return { gateway: `172.18.${networks.size % 256}.1` };
    },
    async removeNetwork(name) {
      throwIfBroken();
      networks.delete(name);
    },
    async createContainer(spec) {
      throwIfBroken();
      if (containers.has(spec.name)) throw new ConflictError("container-exists", `container "${spec.name}" exists`);
      created += 1;
      const forget = (): void => void containers.delete(spec.name);
      const container = createContainer(`container-${created}`, spec, runContainer, broken, forget);
      containers.set(spec.name, container);
      return container;
    },
    containerById(id) {
      const found = [...containers.values()].find((container) => container.id === id);
      if (found === undefined) throw new NotFoundError("container-not-found", `no container ${id}`);
      return found;
    },
  };
}

function createContainer(
  id: string,
  spec: ContainerSpec,
  runContainer: RunContainer,
  broken: AbortSignal,
  forget: () => void,
): Container {
  const stdin = new PassThrough();
  const output = new PassThrough();
  const killing = new AbortController();
  const ended = Promise.withResolvers<number>();
  ended.promise.catch(() => undefined);
  let state: "created" | "running" | number = "created";

  const throwIfBroken = (): void => broken.throwIfAborted();
  const lose = (): void => {
    ended.reject(broken.reason);
    for (const stream of [stdin, output]) stream.destroy();
    killing.abort();
  };
  broken.addEventListener("abort", lose, { once: true });
  const end = (exitCode: number): void => {
    if (typeof state === "number") return;
    state = exitCode;
    output.end();
    ended.resolve(exitCode);
  };
  const kill = async (): Promise<void> => {
    throwIfBroken();
    killing.abort();
    end(137);
  };

  return {
    id,
    async attach() {
      throwIfBroken();
      return { stdin, output };
    },
    async start() {
      throwIfBroken();
      if (state !== "created") return;
      state = "running";
      runContainer({ spec, stdin, output, signal: killing.signal }).then(end, () => end(1));
    },
    async wait() {
      throwIfBroken();
      return ended.promise;
    },
    tail: async () => {
      throwIfBroken();
      return "";
    },
    async inspect() {
      throwIfBroken();
      return {
        isRunning: state === "running",
        exitCode: typeof state === "number" ? state : 0,
        ipAddress: "172.18.0.2",
      };
    },
    kill,
    async remove() {
      await kill();
      forget();
    },
  };
}
