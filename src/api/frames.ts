import { PassThrough, Writable } from "node:stream";
import type { Duplex, Readable } from "node:stream";

/**
 * What a frame holds. On the wire: one byte of type, four bytes of length (big-endian), the payload.
 *
 * A data frame of length 0 ends its stream. An `ack` names a stream and how many bytes its reader has taken: a writer
 * has at most WINDOW_BYTES on their way, so that each stream has back-pressure of its own while the connection is
 * always read, and its end always noticed.
 */
export const FRAME = {
  start: 0,
  started: 1,
  failed: 2,
  stdin: 3,
  stdout: 4,
  stderr: 5,
  ack: 6,
  resize: 7,
  exit: 8,
} as const;
export type FrameType = (typeof FRAME)[keyof typeof FRAME];
/** Frames that belong to a stream of bytes. */
type DataType = typeof FRAME.stdin | typeof FRAME.stdout | typeof FRAME.stderr;

const WINDOW_BYTES = 256 * 1024;
const MAX_DATA_BYTES = 64 * 1024;
/** A command may be as large as a job's script. */
const MAX_PAYLOAD_BYTES = 32 * 1024 * 1024;
const HEADER_BYTES = 5;

/** The streams and messages that share one connection. */
export interface Frames {
  /** Sends a message. */
  send(type: FrameType, message: unknown): void;
  /** A stream to the other side. Ending it ends the stream there; the connection stays. */
  writer(type: DataType): Writable;
  /** A stream from the other side. */
  reader(type: DataType): Readable;
}

/**
 * Speaks in frames over a connection.
 * @param onMessage called with each message of the other side; when it throws, the connection is destroyed with that.
 */
export function createFrames(
  connection: Duplex,
  head: Uint8Array,
  onMessage: (type: FrameType, message: unknown) => void,
): Frames {
  const readers = new Map<number, PassThrough>();
  const credits = new Map<number, Credit>();
  const send = (type: FrameType, payload: Uint8Array): void => {
    if (connection.destroyed || connection.writableEnded) return;
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt8(type);
    header.writeUInt32BE(payload.length, 1);
    connection.cork();
    connection.write(header);
    connection.write(payload);
    connection.uncork();
  };
  const sendMessage = (type: FrameType, message: unknown): void => send(type, Buffer.from(JSON.stringify(message)));

  const take = (type: number, payload: Buffer): void => {
    if (type === FRAME.ack) {
      const { stream, bytes } = JSON.parse(payload.toString()) as { stream: number; bytes: number };
      credits.get(stream)?.grant(bytes);
    } else if (type === FRAME.stdin || type === FRAME.stdout || type === FRAME.stderr) {
      const reader = readers.get(type);
      if (payload.length === 0) reader?.end();
      else {
        // The callback comes when the reader's side has room again: that is when the writer may send more.
        reader?.write(payload, (error) => {
          if (!error) sendMessage(FRAME.ack, { stream: type, bytes: payload.length });
        });
      }
    } else onMessage(type as FrameType, JSON.parse(payload.toString()));
  };
  decode(connection, head, take);

  return {
    send: sendMessage,
    reader(type) {
      const reader = new PassThrough();
      readers.set(type, reader);
      return reader;
    },
    writer(type) {
      const credit = createCredit();
      credits.set(type, credit);
      return new Writable({
        async write(chunk: Buffer, _encoding, done) {
          for (let offset = 0; offset < chunk.length; ) {
            const size = await credit.take(Math.min(chunk.length - offset, MAX_DATA_BYTES));
            send(type, chunk.subarray(offset, offset + size));
            offset += size;
          }
          done();
        },
        final(done) {
          send(type, Buffer.alloc(0));
          done();
        },
      });
    },
  };
}

/** How many bytes may still be sent on a stream. */
interface Credit {
  /** Waits until something may be sent; answers how much, 1..wanted. For one caller at a time. */
  take(wanted: number): Promise<number>;
  grant(bytes: number): void;
}

function createCredit(): Credit {
  let left = WINDOW_BYTES;
  let wake: (() => void) | undefined;
  return {
    async take(wanted) {
      if (left === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const size = Math.min(wanted, left);
      left -= size;
      return size;
    },
    grant(bytes) {
      left += bytes;
      wake?.();
      wake = undefined;
    },
  };
}

/** Cuts what arrives into frames, in order. Destroys the connection at a frame that breaks the rules. */
function decode(connection: Duplex, head: Uint8Array, take: (type: number, payload: Buffer) => void): void {
  let parts: Buffer[] = [];
  let size = 0;

  const onBytes = (bytes: Buffer): void => {
    parts.push(bytes);
    size += bytes.length;
    const first = parts[0];
    // A large frame arrives in many parts: joining them at each would take quadratic time.
    if (first !== undefined && first.length >= HEADER_BYTES && size < HEADER_BYTES + lengthOf(first)) {
      if (lengthOf(first) > MAX_PAYLOAD_BYTES) connection.destroy(new Error("a frame is larger than 32 MiB"));
      return;
    }
    let rest = parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
    while (rest.length >= HEADER_BYTES && rest.length >= HEADER_BYTES + lengthOf(rest)) {
      const end = HEADER_BYTES + lengthOf(rest);
      take(rest.readUInt8(), rest.subarray(HEADER_BYTES, end));
      rest = rest.subarray(end);
    }
    parts = rest.length === 0 ? [] : [rest];
    size = rest.length;
  };
  connection.on("data", (bytes: Buffer) => {
    try {
      onBytes(bytes);
    } catch (error) {
      connection.destroy(error as Error);
    }
  });
  if (head.length > 0) connection.unshift(head);
}

const lengthOf = (frame: Buffer): number => frame.readUInt32BE(1);
