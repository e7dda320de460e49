const NONE = Buffer.alloc(0);
/** More than the longest exit code and the closing NUL. */
const CODE_BYTES = 16;

/** What one chunk of a stream held: the job's own bytes, and the exit code once the marker has passed. */
export interface Unmarked {
  readonly bytes: Buffer;
  readonly exitCode?: number | undefined;
}

/**
 * Takes the marker that the supervisor writes after a script's last byte (NUL, nonce, colon, exit code, NUL) out of the
 * stream, wherever chunks are cut. Holds back at most one marker's length.
 */
export class EndMarker {
  readonly #prefix: Buffer;
  #held: Buffer = NONE;
  #isFound = false;

  constructor(nonce: string) {
    this.#prefix = Buffer.from(`\0${nonce}:`);
  }

  /** Splits the next chunk. After the marker every chunk passes through untouched. */
  push(chunk: Uint8Array): Unmarked {
    const bytes = this.#held.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#held, chunk]);
    this.#held = NONE;
    if (this.#isFound) {
      return { bytes };
    }
    const start = this.#startIn(bytes);
    if (start === -1) {
      return { bytes };
    }
    const codeStart = start + this.#prefix.length;
    const end = bytes.indexOf(0, codeStart);
    if (end === -1 && bytes.length - codeStart < CODE_BYTES) {
      this.#held = bytes.subarray(start);
      return { bytes: bytes.subarray(0, start) };
    }
    this.#isFound = true;
    const exitCode = Number(bytes.toString("latin1", codeStart, end));
    return { bytes: Buffer.concat([bytes.subarray(0, start), bytes.subarray(end + 1)]), exitCode };
  }

  /** What was held back, when the stream ended without a marker. */
  flush(): Buffer {
    const held = this.#held;
    this.#held = NONE;
    return held;
  }

  /** Where the marker, or what may be its beginning at the chunk's end, starts; -1 when nowhere. */
  #startIn(bytes: Buffer): number {
    const whole = bytes.indexOf(this.#prefix);
    if (whole !== -1) {
      return whole;
    }
    const from = Math.max(0, bytes.length - this.#prefix.length + 1);
    for (let start = bytes.indexOf(0, from); start !== -1; start = bytes.indexOf(0, start + 1)) {
      if (this.#prefix.subarray(0, bytes.length - start).equals(bytes.subarray(start))) {
        return start;
      }
    }
    return -1;
  }
}
