import { readFile } from "node:fs/promises";
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, it } from "vitest";
import { DOCUMENT_PATH, servedDocument } from "../../support/openapi/document.ts";

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly { readonly name: string; readonly schema: object }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}
type Content = Readonly<Record<string, { readonly schema?: object }>>;
interface Document {
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const ERROR = { $ref: "#/components/schemas/Error" };
const served = await servedDocument();
const document = JSON.parse(served) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, path, operation })),
);

it("is committed as it is served; `npm run openapi` writes it anew", async () => {
  expect(await readFile(DOCUMENT_PATH, "utf8")).toBe(served);
});

it("is a valid OpenAPI 3.1 document, every reference of which leads somewhere", async () => {
  const validator = new Validator();

  const { valid, errors } = await validator.validate(JSON.parse(served) as Parameters<Validator["validate"]>[0]);

  expect(errors ?? []).toEqual([]);
  expect([valid, validator.version]).toEqual([true, "3.1"]);
  expect(() => validator.resolveRefs()).not.toThrow();
});

it("is found invalid by that validator once a rule of OpenAPI is broken", async () => {
  const { info: _, ...broken } = JSON.parse(served) as Record<string, unknown>;

  expect(await new Validator().validate(broken)).toMatchObject({ valid: false });
});

it("gives every operation a name of its own", () => {
  const names = operations.map(({ operation }) => operation.operationId);

  expect(names).toHaveLength(new Set(names).size);
});

it.each(operations)("says of $name what it does, takes, answers and fails with", ({ path, operation }) => {
  const { operationId, summary = "", tags = [], parameters = [], requestBody, responses } = operation;
  const { 200: ok, 101: switched, ...failed } = responses;
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);

  expect(operationId).toMatch(/^[a-z][a-zA-Z]+$/);
  expect(summary.length).toBeGreaterThan(5);
  expect(document.tags.map(({ name }) => name)).toEqual(expect.arrayContaining([...tags]));
  expect(tags).toHaveLength(1);
  expect(parameters.map(({ name }) => name)).toEqual(expect.arrayContaining(inPath));
  for (const { schema } of [...parameters, ...Object.values(requestBody?.content ?? {})]) expect(schema).toBeDefined();
  // A connection that changes its protocol has no body; all else has a shape.
  for (const { schema } of Object.values(ok?.content ?? {})) expect(Object.keys(schema ?? {})).not.toEqual([]);
  expect([ok?.content, switched].filter((response) => response !== undefined)).toHaveLength(1);
  expect(Object.keys(failed)).toEqual(expect.arrayContaining(["500", "503", "default"]));
  for (const response of Object.values(failed)) {
    expect(response.content?.["application/json"]?.schema).toEqual(ERROR);
  }
  if (inPath.length > 0) expect(failed).toHaveProperty("404");
  if (requestBody !== undefined) expect(failed).toHaveProperty("400");
});
