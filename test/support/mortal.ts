import { systemClock } from "../../src/daemon/clock.ts";
import type { Channel, RemoteProcess } from "../../src/ports/channel.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Engine } from "../../src/ports/engine.ts";

/** When a manager's hour has come: at its n-th call of a kind, before it had an effect, or after, its answer lost. */
export interface Death {
  readonly call: string;
  readonly when: "before" | "after";
  /** It is not killed, but told to go: the call is answered. */
  readonly isGentle?: boolean;
}

/** A manager's process, as its ports see it: once it is dead, no call has an effect and none is answered. */
export interface Process {
  /** Calls so far, e.g. `store.commit 3`. */
  readonly calls: readonly string[];
  isDead(): boolean;
  kill(): void;
  /** Resolves when its hour has come. */
  readonly due: Promise<void>;
  call<T>(kind: string, effect: () => Promise<T>): Promise<T>;
  readonly clock: Clock;
  /** Makes all async methods of a port calls of this process. */
  port<T extends object>(name: string, target: T, methods: readonly (keyof T & string)[]): T;
  channel(target: Channel): Channel;
  engine(target: Engine): Engine;
}

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

/** Starts a process that lives until it is killed, or until what `death` says. */
export function startProcess(death?: Death): Process {
  const counts = new Map<string, number>();
  const calls: string[] = [];
  const due = Promise.withResolvers<void>();
  const dead = new AbortController();
  const connections = new Set<RemoteProcess>();
  const isDead = (): boolean => dead.signal.aborted;
  const kill = (): void => {
    dead.abort(new Error("killed"));
    for (const remote of connections) remote.close();
    due.resolve();
  };
  const strike = (): void => {
    if (death?.isGentle === true) due.resolve();
    else kill();
  };

  const call = async <T>(kind: string, effect: () => Promise<T>): Promise<T> => {
    if (isDead()) return never();
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    const name = `${kind} ${count}`;
    calls.push(name);
    if (death?.call === name && death.when === "before") strike();
    if (isDead()) return never();
    const settled = await effect().then(
      (value) => () => value,
      (error: unknown) => () => {
        throw error;
      },
    );
    if (death?.call === name && death.when === "after") strike();
    return isDead() ? never() : settled();
  };
  const port = <T extends object>(name: string, target: T, methods: readonly (keyof T & string)[]): T =>
    new Proxy(target, {
      get(_target, key) {
        const value = Reflect.get(target, key) as unknown;
        if (typeof value !== "function") return value;
        if (!(methods as readonly string[]).includes(String(key))) return value.bind(target) as unknown;
        return (...args: unknown[]) => call(`${name}.${String(key)}`, () => Reflect.apply(value, target, args));
      },
    });

  return {
    calls,
    isDead,
    kill,
    due: due.promise,
    call,
    port,
    clock: {
      ...systemClock,
      sleep: async (ms, signal) => {
        const both = signal === undefined ? dead.signal : AbortSignal.any([signal, dead.signal]);
        await systemClock.sleep(ms, both).catch((error: unknown) => {
          if (!isDead()) throw error;
        });
        if (isDead()) await never();
      },
    },
    channel: (target) => ({
      ...target,
      closed: target.closed,
      exec: (command, options, signal) =>
        call("channel.exec", async () => {
          const remote = await target.exec(command, options, signal);
          connections.add(remote);
          return { ...remote, exited: remote.exited.then((exit) => (isDead() ? never() : exit)) };
        }),
    }),
    engine: (target) => ({
      ...target,
      pull: (...args) => call("engine.pull", () => target.pull(...args)),
      createNetwork: (...args) => call("engine.createNetwork", () => target.createNetwork(...args)),
      createContainer: async (...args) =>
        port("container", await call("engine.createContainer", () => target.createContainer(...args)), CONTAINER),
      containerById: (id) => port("container", target.containerById(id), CONTAINER),
    }),
  };
}

const CONTAINER = ["start", "wait", "inspect", "kill", "tail"] as const;
