import { describe, expect, it } from "vitest";
import { linesFrom, recordedOutput } from "../../support/exampleOutput.ts";

const row = (id: string, ago: string, up: string, name: string): string =>
  `${id}   nginx     "nginx -g 'daemon of…"   ${ago} ago   Up ${up}   0.0.0.0:8080->80/tcp   ${name}`;

describe("the lines that are held to a record", () => {
  it.each([
    [
      "ids, times and the widths of columns",
      row("0123456789ab", "8 seconds", "7 seconds", "web"),
      row("ba9876543210", "About a minute", "59 seconds", "web"),
    ],
    ["addresses", "Connecting to web:80 (172.17.0.2:80)", "Connecting to web:80 (172.18.0.3:80)"],
    ["colours, and what was drawn over", "\u001b[32;1m$ ls\u001b[0;m\nweb ... \rweb ... done\r", "$ ls\nweb ... done"],
    ["how often progress is drawn", "a\n-   0% |    |  0\n- 100% |****|  9\nb\n", "a\n- 100% |****|  9\nb\n"],
  ])("do not differ by %s", (_, one, other) => {
    expect(linesFrom(one)).toEqual(linesFrom(other));
  });

  it.each([
    [
      "a name",
      row("0123456789ab", "8 seconds", "7 seconds", "web"),
      row("0123456789ab", "8 seconds", "7 seconds", "shop"),
    ],
    ["a port", "Connecting to web:80 (172.17.0.2:80)", "Connecting to web:80 (172.17.0.2:81)"],
    [
      "a state",
      row("0123456789ab", "8 seconds", "7 seconds", "web"),
      row("0123456789ab", "8 seconds", "7 seconds (Paused)", "web"),
    ],
    ["a line", "a\n\nb\n", "a\nb\n"],
    ["an order", "a\nb\n", "b\na\n"],
  ])("differ by %s", (_, one, other) => {
    expect(linesFrom(one)).not.toEqual(linesFrom(other));
  });

  it.each(["services", "compose"] as const)(
    "are those of the record of %s, on one stream or the other",
    async (name) => {
      const { merged, stdout, stderr } = await recordedOutput(name);

      expect(linesFrom(merged.join("\n"))).toEqual(merged);
      expect([...stdout, ...stderr].sort()).toEqual(merged.toSorted());
    },
  );
});
