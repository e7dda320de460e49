import fc from "fast-check";
import { expect, it } from "vitest";
import { EndMarker } from "../../../src/jobs/endMarker.ts";

function passed(chunks: readonly Uint8Array[]): { bytes: Buffer; exitCode: number | undefined } {
  const marker = new EndMarker("end-1");
  let exitCode: number | undefined;
  const bytes = chunks.map((chunk) => {
    const split = marker.push(chunk);
    exitCode = split.exitCode ?? exitCode;
    return split.bytes;
  });
  return { bytes: Buffer.concat([...bytes, marker.flush()]), exitCode };
}

/** Bytes that are rich in beginnings of a marker. */
const teasing = fc
  .array(fc.constantFrom("\0", "\0end", "\0end-1", "\0\0", "x", "end-1:0"), { maxLength: 12 })
  .map((parts) => Buffer.from(parts.join("")))
  .filter((bytes) => !bytes.includes("\0end-1:"));

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [0, ...at.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

it("takes the marker out and reads its exit code, wherever the stream is cut", () => {
  fc.assert(
    fc.property(teasing, teasing, fc.nat(255), fc.array(fc.nat(100)), (before, after, exitCode, places) => {
      fc.pre(
        !Buffer.concat([before, Buffer.from("\0end-1:")])
          .subarray(0, -1)
          .includes("\0end-1:"),
      );
      const stream = Buffer.concat([before, Buffer.from(`\0end-1:${exitCode}\0`), after]);

      expect(passed(cut(stream, places))).toEqual({ bytes: Buffer.concat([before, after]), exitCode });
    }),
  );
});

it("passes a stream without marker through whole", () => {
  fc.assert(
    fc.property(teasing, fc.array(fc.nat(100)), (bytes, places) => {
      expect(passed(cut(bytes, places))).toEqual({ bytes, exitCode: undefined });
    }),
  );
});
