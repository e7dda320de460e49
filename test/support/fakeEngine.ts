import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { JobError, NotFoundError } from "../../src/domain/errors.ts";
import type { Container, ContainerSpec, Engine, ImageFacts, RegistryAuth } from "../../src/ports/engine.ts";

/** A scriptable engine. A container with a script bound into it runs that script on this host. */
export interface FakeEngine extends Engine {
  /** What was asked, in order, e.g. `pull nginx:latest`. */
  readonly calls: string[];
  readonly created: ContainerSpec[];
  readonly auths: (RegistryAuth | undefined)[];
  /** Ends what still runs in its containers, as the end of their machine does. */
  endAll(): void;
}

export interface FakeEngineOptions {
  /** Images that are on the machine before any pull. */
  readonly local?: readonly string[];
  /** The registry's words for images that it refuses. */
  readonly refused?: Readonly<Record<string, string>>;
  readonly ports?: Readonly<Record<string, readonly number[]>>;
  readonly entrypoints?: Readonly<Record<string, readonly string[]>>;
  /** Images whose containers come to no script: what they say to the engine, ending with 127. */
  readonly broken?: Readonly<Record<string, string>>;
  /** Images whose containers end at once. */
  readonly ending?: readonly string[];
}

const SCRIPT_BIND = /^(.*):\/\.mayfly:ro$/;

/** Creates an engine whose registry has every image but the refused ones. */
export function createFakeEngine({
  local = [],
  refused = {},
  ports = {},
  entrypoints = {},
  ending = [],
  broken = {},
}: FakeEngineOptions = {}): FakeEngine {
  const images = new Set(local);
  const containers = new Map<string, Container>();
  const calls: string[] = [];
  const created: ContainerSpec[] = [];
  const auths: (RegistryAuth | undefined)[] = [];
  const children = new Set<ChildProcess>();
  const factsOf = (image: string): ImageFacts => ({
    id: `sha256:${image}`,
    exposedTcpPorts: ports[image] ?? [],
    entrypoint: entrypoints[image] ?? [],
    command: [],
  });
  return {
    calls,
    created,
    auths,
    endAll: () => children.forEach(endGroup),
    ping: async () => undefined,
    async pull(image, auth) {
      calls.push(`pull ${image}`);
      auths.push(auth);
      const words = refused[image];
      if (words !== undefined) {
        throw new JobError("image-pull-failed", words);
      }
      images.add(image);
    },
    async inspectImage(image) {
      if (!images.has(image)) {
        throw new NotFoundError("image-not-found", `no ${image}`);
      }
      return factsOf(image);
    },
    async createNetwork(name) {
      calls.push(`network ${name.split("-")[0]}`);
      return { gateway: "172.18.0.1" };
    },
    removeNetwork: async () => undefined,
    async createContainer(spec) {
      calls.push(`create ${spec.image}`);
      created.push(spec);
      const container = fakeContainer(spec, { calls, children }, ending.includes(spec.image), broken[spec.image]);
      containers.set(container.id, container);
      return container;
    },
    containerById(id) {
      const found = containers.get(id);
      if (found === undefined) {
        throw new NotFoundError("container-not-found", `no ${id}`);
      }
      return found;
    },
  };
}

function fakeContainer(
  spec: ContainerSpec,
  { calls, children }: { readonly calls: string[]; readonly children: Set<ChildProcess> },
  endsAtOnce: boolean,
  brokenBy: string | undefined,
): Container {
  const script = spec.binds.map((bind) => SCRIPT_BIND.exec(bind)?.[1]).find((path) => path !== undefined);
  let exited = Promise.withResolvers<number>();
  let child: ChildProcess | undefined;
  let said = "";
  let hasStarted = false;
  return {
    id: spec.name,
    attach: () => Promise.reject(new Error("a fake container is not attached to")),
    async start() {
      calls.push(`start ${spec.image}`);
      if (child !== undefined && child.exitCode === null && child.signalCode === null) {
        throw new JobError("engine-refused", `Cannot start the container "${spec.name}": container already started`);
      }
      hasStarted = true;
      exited = Promise.withResolvers();
      if (script === undefined) {
        if (endsAtOnce) {
          exited.resolve(1);
        }
        return;
      }
      const words = [...(spec.entrypoint ?? []), ...(spec.command ?? [])];
      const [program = "", ...args] = (
        brokenBy === undefined ? words : ["sh", "-c", `echo '${brokenBy}' >&2; exit 127`]
      ).map((word) => word.replaceAll("/.mayfly/", `${script}/`));
      const env = { ...process.env, ...spec.env };
      const started = spawn(program, args, { env, stdio: ["ignore", "ignore", "pipe"], detached: true });
      child = started;
      children.add(started);
      started.stderr.on("data", (bytes: Buffer) => {
        said += bytes.toString();
      });
      const { resolve } = exited;
      started.on("close", (code) => resolve(code ?? 137));
    },
    wait: () => exited.promise,
    tail: async () => (script === undefined ? `log of ${spec.image}` : said),
    inspect: async () => ({
      isRunning: child === undefined ? hasStarted && !endsAtOnce : child.exitCode === null && child.signalCode === null,
      exitCode: endsAtOnce ? 1 : (child?.exitCode ?? 0),
      ipAddress: "127.0.0.1",
    }),
    async kill() {
      calls.push(`kill ${spec.image}`);
      if (child !== undefined) endGroup(child);
    },
    remove: async () => undefined,
  };
}

/** Ends a process with all that it started, unless it has ended. */
function endGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, "SIGKILL");
}
