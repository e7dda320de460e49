import fc from "fast-check";
import { expect, it } from "vitest";
import { createLinePrinter } from "../../../src/ci/linePrinter.ts";

async function printed(chunks: readonly Uint8Array[]): Promise<Buffer[]> {
  const out: Buffer[] = [];
  const printer = createLinePrinter("[a] ", async (bytes) => void out.push(Buffer.from(bytes)));
  for (const chunk of chunks) await printer.write(chunk);
  await printer.end();
  return out;
}

it("prefixes whole lines only, the last one too when it does not end", async () => {
  const out = await printed(["on", "e\ntwo\n\nth", "ree"].map((text) => Buffer.from(text)));

  expect(out.map(String)).toEqual(["[a] one\n[a] two\n[a] \n", "[a] three\n"]);
});

it("passes every byte on, however the log is cut", async () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(chunks, async (cut) => {
      const text = Buffer.concat(cut).toString("latin1");

      const lines = Buffer.concat(await printed(cut)).toString("latin1");

      const expected = text
        .split("\n")
        .map((line) => `[a] ${line}\n`)
        .join("");
      const withoutEmptyEnd = text === "" || text.endsWith("\n") ? expected.slice(0, -"[a] \n".length) : expected;
      expect(lines).toBe(withoutEmptyEnd);
    }),
  );
});

it("breaks a line without end instead of keeping it", async () => {
  const out = await printed([Buffer.alloc(200_000, "x")]);

  const text = Buffer.concat(out).toString();
  expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThan(70_000);
  expect(text.replaceAll(/\[a\] |\n/g, "")).toBe("x".repeat(200_000));
});
