import type { Duplex, Readable } from "node:stream";

export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
  readonly serverAddress: string;
}

/** What mayfly asks of a container; everything else stays at the engine's defaults. */
export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly entrypoint?: readonly string[] | undefined;
  readonly command?: readonly string[] | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly user?: string | undefined;
  readonly workingDir?: string | undefined;
  /** `source:target[:ro]`; the source is a path on the machine or a volume's name. */
  readonly binds: readonly string[];
  readonly network: string;
  /** Names of the container on that network. */
  readonly aliases: readonly string[];
  /** `name:ip` or `name:host-gateway`. */
  readonly extraHosts: readonly string[];
  readonly isPrivileged: boolean;
  readonly hasStdin: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ImageFacts {
  readonly id: string;
  /** TCP ports that the image exposes, ascending. */
  readonly exposedTcpPorts: readonly number[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

export interface ContainerFacts {
  readonly isRunning: boolean;
  readonly exitCode: number;
  /** On the network that it was created with. */
  readonly ipAddress: string;
}

/** A created container. */
export interface Container {
  readonly id: string;
  /** A raw stream: written bytes go to stdin; both outputs come back in order, merged by the engine's multiplexing. */
  attach(signal: AbortSignal): Promise<{ readonly stdin: Duplex; readonly output: Readable }>;
  start(signal: AbortSignal): Promise<void>;
  /** Resolves with the exit code once the container has stopped. */
  wait(signal: AbortSignal): Promise<number>;
  /** The last lines of both outputs. */
  tail(lines: number, signal: AbortSignal): Promise<string>;
  inspect(signal: AbortSignal): Promise<ContainerFacts>;
  /** Ends the container; stopped or gone already is success. */
  kill(signal: AbortSignal): Promise<void>;
  /** Removes it with its anonymous volumes, running or not; gone already is success. */
  remove(signal: AbortSignal): Promise<void>;
}

/**
 * The Docker engine of one machine, over the machine's channel: a wall around dockerode.
 * Every call throws MachineLostError when the channel or the engine is gone.
 */
export interface Engine {
  ping(signal: AbortSignal): Promise<void>;
  /** @throws JobError `image-pull-failed` with the registry's words. @param onProgress what is being fetched, for the job's log. */
  pull(
    image: string,
    auth: RegistryAuth | undefined,
    onProgress: (text: string) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Facts of a local image. @throws NotFoundError when it is not there. */
  inspectImage(image: string, signal: AbortSignal): Promise<ImageFacts>;
  /** Creates a bridge network; answers its gateway's address. */
  createNetwork(name: string, signal: AbortSignal): Promise<{ readonly gateway: string }>;
  removeNetwork(name: string, signal: AbortSignal): Promise<void>;
  createContainer(spec: ContainerSpec, signal: AbortSignal): Promise<Container>;
  /** A container that was created before, by whomever. Asks nothing: what is not there shows at the first call. */
  containerById(id: string): Container;
}
