import { expect, it } from "vitest";
import { createGate } from "../../../../src/drivers/qemu/gate.ts";
import type { Gate } from "../../../../src/drivers/qemu/gate.ts";

const never = new AbortController().signal;

/** Works that go through a gate, each until it is told to end. */
function worksAt(gate: Gate) {
  const begun: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<string>>();
  return {
    begun,
    start(name: string, signal: AbortSignal = never): Promise<string> {
      const end = Promise.withResolvers<string>();
      ends.set(name, end);
      return gate.pass(() => {
        begun.push(name);
        return end.promise;
      }, signal);
    },
    async end(name: string, error?: Error): Promise<void> {
      if (error === undefined) ends.get(name)?.resolve(name);
      else ends.get(name)?.reject(error);
      await new Promise(setImmediate);
    },
  };
}

it("lets so many in as it has places, the others in the order in which they came", async () => {
  const works = worksAt(createGate(2));

  const all = ["a", "b", "c", "d"].map((name) => works.start(name));
  await new Promise(setImmediate);
  const first = [...works.begun];
  await works.end("b");
  const second = [...works.begun];
  for (const name of ["a", "c", "d"]) await works.end(name);

  expect(first).toEqual(["a", "b"]);
  expect(second).toEqual(["a", "b", "c"]);
  expect(await Promise.all(all)).toEqual(["a", "b", "c", "d"]);
});

it("gives a place on after a failure, which is the failed one's alone", async () => {
  const works = worksAt(createGate(1));

  const [failed, next] = [works.start("a"), works.start("b")];
  failed.catch(() => undefined);
  await works.end("a", new Error("broken"));
  await works.end("b");

  await expect(failed).rejects.toThrow("broken");
  expect(await next).toBe("b");
});

it("never runs who gave up while waiting, and keeps no place for it", async () => {
  const works = worksAt(createGate(1));
  const controller = new AbortController();

  const [first, second, third] = [works.start("a"), works.start("b", controller.signal), works.start("c")];
  second.catch(() => undefined);
  controller.abort(new Error("gave up"));
  await works.end("a");
  await works.end("c");

  await expect(second).rejects.toThrow("gave up");
  expect(await Promise.all([first, third])).toEqual(["a", "c"]);
  expect(works.begun).toEqual(["a", "c"]);
});

it("hands its place on when who waits gives up in the very moment that it gets it", async () => {
  const works = worksAt(createGate(1));
  const controller = new AbortController();

  const [first, second, third] = [works.start("a"), works.start("b", controller.signal), works.start("c")];
  second.catch(() => undefined);
  await new Promise(setImmediate);
  const ended = works.end("a");
  await first;
  controller.abort(new Error("gave up"));
  await ended;
  await works.end("b");
  await works.end("c");

  expect(await third).toBe("c");
});

it("refuses who comes with a signal that has aborted, though there is a place", async () => {
  const works = worksAt(createGate(1));

  await expect(works.start("a", AbortSignal.abort(new Error("gave up")))).rejects.toThrow("gave up");
  const next = works.start("b");
  await works.end("b");

  expect(await next).toBe("b");
  expect(works.begun).toEqual(["b"]);
});
