import * as z from "zod";
import { DESCRIPTIONS } from "./describe.ts";
import { fileSchema } from "./schema.ts";

interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  required?: string[];
  description?: string;
  default?: unknown;
}

/** Keys that a file may leave open though the schema, which is for a file with its defaults, demands them. */
const DEFAULTED = ["state_dir", "api", "socket"];

/** Makes the JSON schema of mayfly.toml for editors, from the one definition that checks it. Rules that bind several values are not in it. */
export function configJsonSchema(): object {
  const schema = z.toJSONSchema(fileSchema, { io: "input", target: "draft-7", unrepresentable: "any" }) as JsonSchema;
  delete schema.required;
  for (const [header, keys] of Object.entries(DESCRIPTIONS)) {
    const table = tableAt(schema, header);
    if (table === undefined) continue;
    table.required = table.required?.filter((key) => !DEFAULTED.includes(key)) ?? [];
    if (table.required.length === 0) delete table.required;
    for (const [key, description] of Object.entries(keys)) {
      const property = table.properties?.[key];
      if (property !== undefined) property.description = description;
    }
  }
  return { title: "mayfly.toml", ...schema };
}

/** Finds a table by its header, as `[[pool.schedule]]` names it. */
function tableAt(root: JsonSchema, header: string): JsonSchema | undefined {
  if (header === "the top level") return root;
  return header
    .replace(/[[\]]/g, "")
    .split(".")
    .reduce<JsonSchema | undefined>((table, key) => {
      const found = table?.properties?.[key];
      return found?.items?.properties === undefined ? found : found.items;
    }, root);
}
