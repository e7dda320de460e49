import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { DESCRIPTIONS } from "../../../src/config/describe.ts";
import { KEYS_BY_TABLE } from "../../../src/config/schema.ts";
import { SCHEMA_PATH, schemaText } from "../../support/config/schema.ts";

interface Schema {
  readonly properties: Readonly<Record<string, Schema>>;
  readonly items: Schema;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
}

const schema = JSON.parse(schemaText()) as Schema;

it("is committed as it is made; `npm run config-schema` writes it anew", async () => {
  expect(await readFile(SCHEMA_PATH, "utf8")).toBe(schemaText());
});

it.each(Object.entries(KEYS_BY_TABLE))("describes every key of %s, and no other", (header, keys) => {
  expect(Object.keys(DESCRIPTIONS[header] ?? {}).toSorted()).toEqual(keys.toSorted());
});

it("refuses unknown keys, demands no key that has a default, and tells the defaults", () => {
  const pool = schema.properties["pool"]?.items;

  expect([schema.additionalProperties, pool?.additionalProperties]).toEqual([false, false]);
  expect(schema.required).toBeUndefined();
  expect(schema.properties["api"]?.required).toBeUndefined();
  expect(pool?.required).toEqual(["name"]);
  expect(pool?.properties["idle_count"]).toMatchObject({ type: "integer", minimum: 0, default: 1 });
  expect(pool?.properties["idle_time"]).toMatchObject({ type: "string", default: "20m" });
  expect(pool?.properties["driver"]?.enum).toEqual(["qemu", "ec2"]);
});

it("puts its words where the key is, in tables within tables too", () => {
  const pool = schema.properties["pool"]?.items.properties;

  expect(pool?.["schedule"]?.items.properties["periods"]?.description).toContain("Cron expressions");
  expect(pool?.["qemu"]?.properties["cpus"]?.description).toBe("Virtual processors.");
});
