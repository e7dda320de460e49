import { writeFile } from "node:fs/promises";
import { DOCUMENT_PATH, servedDocument } from "./document.ts";

// `npm run openapi`: writes the document of the API that is committed beside its source.

await writeFile(DOCUMENT_PATH, await servedDocument());
