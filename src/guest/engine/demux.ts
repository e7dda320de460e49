import { Transform } from "node:stream";

/** Stream type, three zero bytes, length of the payload. Source: Docker Engine API, "Attach to a container", stream format. */
const HEADER_BYTES = 8;

/** Takes the engine's frames off and leaves both outputs in the order in which they were written. Holds less than one header. */
export function createDemux(): Transform {
  let header = Buffer.alloc(0);
  let remaining = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      let rest = chunk;
      while (rest.length > 0) {
        if (remaining === 0) {
          const missing = HEADER_BYTES - header.length;
          header = Buffer.concat([header, rest.subarray(0, missing)]);
          rest = rest.subarray(missing);
          if (header.length < HEADER_BYTES) break;
          remaining = header.readUInt32BE(4);
          header = Buffer.alloc(0);
        } else {
          const payload = rest.subarray(0, remaining);
          this.push(payload);
          remaining -= payload.length;
          rest = rest.subarray(payload.length);
        }
      }
      done();
    },
  });
}
