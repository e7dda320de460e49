import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { PassThrough } from "node:stream";
import { JobError, NotFoundError } from "../../src/domain/errors.ts";
import type { Container, ContainerSpec, Engine, ImageFacts, RegistryAuth } from "../../src/ports/engine.ts";

/** A scriptable engine. A container with a script bound into it runs that script on this host. */
export interface FakeEngine extends Engine {
  /** What was asked, in order, e.g. `pull nginx:latest`. */
  readonly calls: string[];
  readonly created: ContainerSpec[];
  readonly auths: (RegistryAuth | undefined)[];
}

export interface FakeEngineOptions {
  /** Images that are on the machine before any pull. */
  readonly local?: readonly string[];
  /** The registry's words for images that it refuses. */
  readonly refused?: Readonly<Record<string, string>>;
  readonly ports?: Readonly<Record<string, readonly number[]>>;
  /** Images whose containers end at once. */
  readonly ending?: readonly string[];
}

const SCRIPT_BIND = /^(.*):\/\.mayfly:ro$/;

/** Creates an engine whose registry has every image but the refused ones. */
export function createFakeEngine({
  local = [],
  refused = {},
  ports = {},
  ending = [],
}: FakeEngineOptions = {}): FakeEngine {
  const images = new Set(local);
  const calls: string[] = [];
  const created: ContainerSpec[] = [];
  const auths: (RegistryAuth | undefined)[] = [];
  const factsOf = (image: string): ImageFacts => ({
    id: `sha256:${image}`,
    exposedTcpPorts: ports[image] ?? [],
    entrypoint: [],
    command: [],
  });
  return {
    calls,
    created,
    auths,
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
      return fakeContainer(spec, calls, ending.includes(spec.image));
    },
  };
}

function fakeContainer(spec: ContainerSpec, calls: string[], endsAtOnce: boolean): Container {
  const script = spec.binds.map((bind) => SCRIPT_BIND.exec(bind)?.[1]).find((path) => path !== undefined);
  let output = new PassThrough();
  let exited = Promise.withResolvers<number>();
  let child: ChildProcess | undefined;
  return {
    id: spec.name,
    async attach() {
      calls.push(`attach ${spec.image}`);
      output = new PassThrough();
      return { stdin: new PassThrough(), output };
    },
    async start() {
      calls.push(`start ${spec.image}`);
      exited = Promise.withResolvers();
      if (script === undefined) {
        if (endsAtOnce) {
          exited.resolve(1);
        }
        return;
      }
      const [program = "", ...args] = (spec.command ?? []).map((word) => word.replaceAll("/.mayfly/", `${script}/`));
      child = spawn(program, args, { env: { ...process.env, ...spec.env }, stdio: "pipe", detached: true });
      // An engine copies a container's two pipes each for itself, and keeps no order between them: one may come last.
      const late: Buffer[] = [];
      child.stdout?.on("data", (bytes: Buffer) => output.write(bytes));
      child.stderr?.on("data", (bytes: Buffer) => late.push(bytes));
      child.on("close", () => output.end(Buffer.concat(late)));
      const { resolve } = exited;
      child.on("close", (code) => resolve(code ?? 137));
    },
    wait: () => exited.promise,
    tail: async () => `log of ${spec.image}`,
    inspect: async () => ({ isRunning: !endsAtOnce, exitCode: endsAtOnce ? 1 : 0, ipAddress: "127.0.0.1" }),
    async kill() {
      calls.push(`kill ${spec.image}`);
      if (child?.pid !== undefined) {
        process.kill(-child.pid, "SIGKILL");
      }
    },
    remove: async () => undefined,
  };
}
