import { expect, it } from "vitest";
import { chooseSources } from "../../../../../src/drivers/qemu/image/sources.ts";

const stanza = (changes: Readonly<Record<string, string>> = {}): string =>
  Object.entries({
    Types: "deb",
    URIs: "http://mirror.example/debian",
    Suites: "bookworm",
    Components: "main",
    ...changes,
  })
    .map(([field, value]) => `${field}: ${value}`)
    .join("\n");

it.each([
  "deb http://mirror.example/debian bookworm main",
  "deb [signed-by=/usr/share/keyrings/k.gpg] http://mirror.example/debian bookworm-updates main contrib",
  "deb http://mirror.example/debian-security bookworm-security main",
])("takes the line %s", (line) => {
  expect(chooseSources({ lines: `# comment\n${line}\n`, stanzas: "" })).toEqual({ lines: `${line}\n`, stanzas: "" });
});

it.each([
  "# deb http://mirror.example/debian bookworm main",
  "deb-src http://mirror.example/debian bookworm main",
  "deb http://mirror.example/ubuntu noble main",
  "deb https://download.example/linux/debian bookworm stable",
  "deb http://mirror.example/debian bookworm-backports main",
])("leaves the line %s behind", (line) => {
  expect(chooseSources({ lines: line, stanzas: "" }).lines).toBe("");
});

it("takes stanzas of Debian's own suites, with their options", () => {
  const debian = stanza({ Suites: "bookworm bookworm-updates", "Signed-By": "/usr/share/keyrings/k.gpg" });
  const stanzas = [stanza({ Suites: "nodistro" }), debian, stanza({ Enabled: "no" }), stanza({ Types: "deb-src" })];

  expect(chooseSources({ lines: "", stanzas: stanzas.join("\n\n") }).stanzas).toBe(`${debian}\n`);
});

it("takes nothing from a host of another release, so that mmdebstrap's default is taken", () => {
  const chosen = chooseSources({
    lines: "deb http://mirror.example/ubuntu noble main",
    stanzas: stanza({ Suites: "noble" }),
  });

  expect(chosen).toEqual({ lines: "", stanzas: "" });
});
