import { readFile } from "node:fs/promises";

/** cloud-init/ beside src/ and beside dist/. */
const TEMPLATES = new URL("../../cloud-init/", import.meta.url);

/** Reads one of the files that a machine is told, by its path in cloud-init/. */
export const readTemplate = (name: string): Promise<string> => readFile(new URL(name, TEMPLATES), "utf8");
