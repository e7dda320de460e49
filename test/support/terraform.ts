import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "@cdktn/hcl2json";

/** The module of this repository. */
export const TERRAFORM = fileURLToPath(new URL("../../terraform", import.meta.url));

/** A block's body: attributes by name (what is no literal is `${…}`), nested blocks as arrays of bodies by name. */
export type Body = Readonly<Record<string, unknown>>;

/** A block with a type and a name, such as a resource. */
export interface NamedBlock {
  readonly type: string;
  readonly name: string;
  readonly body: Body;
}

/** One folder of .tf files, read by HashiCorp's own parser. */
export interface TerraformModule {
  /** All of its text. */
  readonly text: string;
  readonly resources: readonly NamedBlock[];
  readonly data: readonly NamedBlock[];
  readonly variables: ReadonlyMap<string, Body>;
  readonly outputs: ReadonlyMap<string, Body>;
  readonly calls: ReadonlyMap<string, Body>;
  readonly locals: ReadonlySet<string>;
}

/** Lists every file below terraform/ that ends in `.tf`. */
export const terraformFiles = (): string[] =>
  readdirSync(TERRAFORM, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".tf") && !name.includes(".terraform/"))
    .sort();

const modules = new Map<string, Promise<TerraformModule>>();

/** Reads a folder of .tf files, once. @throws what the parser says, with file and line. */
export function readModule(folder: string): Promise<TerraformModule> {
  const path = resolve(folder);
  const names = readdirSync(path).filter((name) => name.endsWith(".tf"));
  const known =
    modules.get(path) ?? moduleFrom(names.map((name) => [name, readFileSync(join(path, name), "utf8")] as const));
  modules.set(path, known);
  return known;
}

/** Reads one text as a whole module. */
export const moduleFromText = (text: string): Promise<TerraformModule> => moduleFrom([["main.tf", text]]);

async function moduleFrom(files: readonly (readonly [string, string])[]): Promise<TerraformModule> {
  const trees: Body[] = [];
  for (const [name, text] of files) trees.push(await parse(name, text));
  const all = (kind: string): [string, unknown][] => trees.flatMap((tree) => Object.entries(tree[kind] ?? {}));
  const single = (kind: string): Map<string, Body> =>
    new Map(all(kind).flatMap(([name, bodies]) => (bodies as Body[]).map((body) => [name, body] as const)));
  return {
    text: files.map(([, text]) => text).join("\n"),
    resources: namedBlocks(all("resource")),
    data: namedBlocks(all("data")),
    variables: single("variable"),
    outputs: single("output"),
    calls: single("module"),
    locals: new Set(trees.flatMap((tree) => (tree["locals"] ?? []) as Body[]).flatMap(Object.keys)),
  };
}

const namedBlocks = (entries: readonly [string, unknown][]): NamedBlock[] =>
  entries.flatMap(([type, byName]) =>
    Object.entries(byName as Record<string, Body[]>).flatMap(([name, bodies]) =>
      bodies.map((body) => ({ type, name, body })),
    ),
  );

/** The nested blocks of a name in a body, those of `dynamic` too. */
export function nested(body: Body, name: string): Body[] {
  const dynamic = (body["dynamic"] as Readonly<Record<string, Body[]>> | undefined)?.[name] ?? [];
  return [...((body[name] ?? []) as Body[]), ...dynamic.flatMap(({ content }) => content as Body[])];
}
