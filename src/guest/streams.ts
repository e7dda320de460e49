import { Duplex, Readable, Writable } from "node:stream";
import type { ClientChannel } from "ssh2";

/**
 * ssh2's channels are not streams in every respect: `destroy` only asks the peer, a write after the peer's close never calls back,
 * and nothing says "destroyed". These wrappers behave as streams do, and hold no more than ssh2 itself holds.
 */

/** Presents what comes in on `source`; paused while nobody reads. Once destroyed it discards the rest. */
export function readableFrom(source: Readable): Readable {
  const target = new Readable({
    read: () => void source.resume(),
    destroy: (error, done) => {
      source.resume();
      done(error);
    },
  });
  pump(source, target);
  return target;
}

/** Presents the writing side of `stream`; its end is end of file for the peer. Destroyed, without error, when the peer closes. */
export function writableTo(stream: ClientChannel): Writable {
  const writing = writerOf(stream);
  const target = new Writable({
    write: writing.write,
    final: writing.final,
    destroy: (error, done) => {
      writing.cancel();
      done(error);
    },
  });
  stream.once("close", () => target.destroy());
  return target;
}

/** Presents both sides of `stream` as one socket that may be half-closed. */
export function duplexFrom(stream: ClientChannel): Duplex {
  const writing = writerOf(stream);
  const target = new Duplex({
    read: () => void stream.resume(),
    write: writing.write,
    final: writing.final,
    destroy: (error, done) => {
      writing.cancel();
      stream.close();
      stream.resume();
      done(error);
    },
  });
  pump(stream, target);
  stream.once("close", () => {
    if (target.readableEnded) target.destroy();
    else target.once("end", () => target.destroy());
  });
  return target;
}

function pump(source: Readable, target: Readable): void {
  source.on("data", (chunk: Buffer) => {
    if (target.destroyed || target.readableEnded) return;
    if (!target.push(chunk)) source.pause();
  });
  source.once("end", () => endReadable(target));
}

/** Ends a readable after what it holds; ended or destroyed already is success. */
export function endReadable(target: Readable): void {
  if (!target.destroyed && !ended.has(target)) {
    ended.add(target);
    target.push(null);
  }
}

const ended = new WeakSet<Readable>();

function writerOf(stream: ClientChannel) {
  let pending: (() => void) | undefined;
  const settle = (): void => {
    const done = pending;
    pending = undefined;
    done?.();
  };
  return {
    write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
      pending = done;
      stream.write(chunk, settle);
    },
    final(done: () => void): void {
      stream.end();
      done();
    },
    /** ssh2 forgets the callback of a write that the peer's close overtook. */
    cancel: settle,
  };
}
