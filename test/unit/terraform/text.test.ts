import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { format } from "@cdktn/hcl-tools";
import { describe, expect, it } from "vitest";
import { moduleFromText, readModule, TERRAFORM, terraformFiles } from "../../support/terraform.ts";
import type { TerraformModule } from "../../support/terraform.ts";

const files = terraformFiles();
const folders = [...new Set(files.map(dirname))];
const read = (file: string): string => readFileSync(join(TERRAFORM, file), "utf8");

/** Names that an expression uses and nobody declares; `validate` would say so, but needs AWS's provider. */
function undeclared(module: TerraformModule): string[] {
  const code = module.text.replaceAll(/^\s*#.*$/gm, "");
  const known = new Set([
    ...[...module.variables.keys()].map((name) => `var.${name}`),
    ...[...module.locals].map((name) => `local.${name}`),
    ...[...module.calls.keys()].map((name) => `module.${name}`),
    ...module.data.map(({ type, name }) => `data.${type}.${name}`),
    ...module.resources.map(({ type, name }) => `${type}.${name}`),
  ]);
  const used = code.matchAll(/(?<![\w."/-])(?:(?:var|local|module)\.\w+|data\.aws_\w+\.\w+|aws_\w+\.\w+)/g);
  return [...new Set([...used].map(([name]) => name))].filter((name) => !known.has(name));
}

const unused = ({ text, variables }: TerraformModule): string[] =>
  [...variables.keys()].filter((name) => !new RegExp(`\\bvar\\.${name}\\b`).test(text));

describe("the text of terraform/", () => {
  it("is there", () => {
    expect(folders.toSorted()).toEqual([
      ".",
      "examples/existing-vpc",
      "examples/minimal",
      "examples/spot",
      "modules/settings",
    ]);
  });

  it.each(files)("%s is formatted", async (file) => {
    expect(await format(read(file))).toBe(read(file));
  });

  it.each(folders)("%s parses, and uses only what it declares, and all of it", async (folder) => {
    const module = await readModule(join(TERRAFORM, folder));

    expect(undeclared(module)).toEqual([]);
    expect(unused(module)).toEqual([]);
  });

  it.each(folders)("%s describes every variable and output, and types every variable", async (folder) => {
    const { variables, outputs } = await readModule(join(TERRAFORM, folder));
    const bare = [...variables, ...outputs].filter(([, body]) => typeof body["description"] !== "string");
    const untyped = [...variables].filter(([, body]) => body["type"] === undefined);

    expect([...bare, ...untyped].map(([name]) => name)).toEqual([]);
  });

  it.each(folders)(
    "%s calls modules with variables that these have, and with all that they require",
    async (folder) => {
      const { calls } = await readModule(join(TERRAFORM, folder));
      for (const { source, ...given } of calls.values()) {
        const { variables } = await readModule(join(TERRAFORM, folder, String(source)));
        const required = [...variables].filter(([, body]) => !("default" in body)).map(([name]) => name);

        expect(Object.keys(given).filter((name) => !variables.has(name))).toEqual([]);
        expect(required.filter((name) => !(name in given))).toEqual([]);
      }
    },
  );

  it("would not pass with a name that nobody declares, or a variable that nobody uses", async () => {
    const module = await moduleFromText(`
      variable "spare" {}
      resource "aws_vpc" "this" { tags = merge(local.tags, { a = "\${var.name}-\${data.aws_region.here.id}" }) }
      resource "aws_subnet" "this" { vpc_id = aws_vpc.other.id }`);

    expect(undeclared(module)).toEqual(["local.tags", "var.name", "data.aws_region.here", "aws_vpc.other"]);
    expect(unused(module)).toEqual(["spare"]);
  });
});
