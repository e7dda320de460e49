import { fileURLToPath } from "node:url";
import { configJsonSchema } from "../../../src/config/jsonSchema.ts";

/** Where the JSON schema of mayfly.toml is committed. */
export const SCHEMA_PATH = fileURLToPath(new URL("../../../src/config/mayfly.schema.json", import.meta.url));

/** The schema in the form in which it is committed. */
export const schemaText = (): string => `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`;
