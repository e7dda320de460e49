import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { createApp } from "../../../src/api/app.ts";
import { silentLogger } from "../jobs.ts";
import { fakeManager } from "../manager.ts";

const PACKAGE = new URL("../../../package.json", import.meta.url);

/** Where the document of the API is committed. */
export const DOCUMENT_PATH = fileURLToPath(new URL("../../../src/api/openapi.json", import.meta.url));

/** The document as a daemon of this source serves it, in the form in which it is committed. */
export async function servedDocument(): Promise<string> {
  const { version } = JSON.parse(await readFile(PACKAGE, "utf8")) as { version: string };
  const app = createApp({ manager: fakeManager({}), logger: silentLogger, version });
  const response = await app.request("/v1/openapi.json");
  return `${JSON.stringify(await response.json(), undefined, 2)}\n`;
}
