import { writeFile } from "node:fs/promises";
import { SCHEMA_PATH, schemaText } from "./schema.ts";

// `npm run config-schema`: writes the JSON schema of mayfly.toml that is committed beside its definition.

await writeFile(SCHEMA_PATH, schemaText());
