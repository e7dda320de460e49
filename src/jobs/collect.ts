import type { Readable } from "node:stream";

const MAX_BYTES = 64 * 1024;

/** Reads a stream to its end and answers the first 64 KiB of it as text; a stream that breaks answers what came before. */
export async function collectText(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream) {
      if (length < MAX_BYTES) {
        chunks.push(Buffer.from(chunk as Uint8Array));
        length += (chunk as Uint8Array).length;
      }
    }
  } catch {
    // Who reads a complaint wants what there is of it; the process's own end says what broke.
  }
  return Buffer.concat(chunks).subarray(0, MAX_BYTES).toString();
}
