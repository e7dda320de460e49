/** Prints a job's log, whole lines at a time, so that the lines of several jobs never mix. */
export interface LinePrinter {
  /** Resolves when the bytes are on their way. */
  write(bytes: Uint8Array): Promise<void>;
  /** Prints what stands without a line end. */
  end(): Promise<void>;
}

/** A line longer than this is broken, in bytes, so that memory does not grow with it. */
const MAX_LINE_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** Creates a printer that puts `prefix` before each line. Bytes that are no text pass as they are. */
export function createLinePrinter(prefix: string, print: (bytes: Uint8Array) => Promise<void>): LinePrinter {
  const head = Buffer.from(prefix);
  const lineEnd = Buffer.from([NEWLINE]);
  let rest: Buffer = Buffer.alloc(0);

  return {
    async write(bytes) {
      const data = Buffer.concat([rest, bytes]);
      const parts: Buffer[] = [];
      let start = 0;
      for (let end = data.indexOf(NEWLINE); end !== -1; end = data.indexOf(NEWLINE, start)) {
        parts.push(head, data.subarray(start, end + 1));
        start = end + 1;
      }
      for (; data.length - start > MAX_LINE_BYTES; start += MAX_LINE_BYTES) {
        parts.push(head, data.subarray(start, start + MAX_LINE_BYTES), lineEnd);
      }
      rest = Buffer.from(data.subarray(start));
      if (parts.length > 0) await print(Buffer.concat(parts));
    },
    async end() {
      const last = rest;
      rest = Buffer.alloc(0);
      if (last.length > 0) await print(Buffer.concat([head, last, lineEnd]));
    },
  };
}
