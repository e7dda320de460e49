import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTemplate } from "../../../../src/fleet/docker-machine/template.ts";

const DATA = { Name: "x", Driver: { IPAddress: "10.0.0.1", SSHPort: 22, Swarm: false, Tags: ["a", "b"] }, None: null };

describe("parseTemplate", () => {
  it.each([
    ["{{.Name}}", "x"],
    ["{{ .Driver.IPAddress }}:{{.Driver.SSHPort}}", "10.0.0.1:22"],
    ["{{.Driver.Swarm}} {{.Driver.Tags}} {{.None}}", "false [a b] <no value>"],
    ["{{json .Driver.Tags}}", '["a","b"]'],
    ["{{.Name | json}}", '"x"'],
    ["{{prettyjson .Driver.Tags}}", '[\n    "a",\n    "b"\n]'],
    ['a{{"\\t|"}}b{{`c}`}}', "a\t|bc}"],
    ["a {{- .Name -}} b", "axb"],
    ["{{/* nothing */}}-", "-"],
    ["plain", "plain"],
  ])("renders %j", (text, expected) => {
    expect(parseTemplate(text)(DATA)).toBe(expected);
  });

  it.each([
    ["{{range .Driver.Tags}}x{{end}}", "cannot do {{range .Driver.Tags}}"],
    ["{{if .Name}}", "cannot do {{if .Name}}"],
    ["{{index .Driver.Tags 0}}", "cannot do"],
    ["{{.Name | upper}}", "cannot do"],
    ["{{Name}}", "cannot do"],
    ["{{.Name", "unclosed action"],
  ])("names what it does not know: %j", (text, message) => {
    expect(() => parseTemplate(text)).toThrow(message);
  });

  it("says which field is not there, and which is more than one value", () => {
    expect(() => parseTemplate("{{.Driver.IP}}")(DATA)).toThrow("can't evaluate field IP in {{.Driver.IP}}");
    expect(() => parseTemplate("{{.constructor}}")(DATA)).toThrow("can't evaluate field constructor");
    expect(() => parseTemplate("{{.Driver}}")(DATA)).toThrow("use {{json .Driver}}");
  });

  it("gives text without braces back as it is", () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes("{{")),
        (text) => {
          expect(parseTemplate(text)(DATA)).toBe(text);
        },
      ),
    );
  });
});
