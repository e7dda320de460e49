import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

/** Raised when the same recipe is built differently by newer code. */
const FORMAT_VERSION = 1;

/** cloud-init/ beside src/ and beside dist/. */
const TEMPLATES = new URL("../../../../cloud-init/", import.meta.url);
/** What the builder is told beside what every machine is told anew at its boot, and what is done to it in the end. */
const FILES = ["stock.yaml", "prepare/forget.sh"];

/** Reads the files that images are made by. */
export const readRecipe = (): Promise<string[]> =>
  Promise.all(FILES.map((name) => readFile(new URL(name, TEMPLATES), "utf8")));

/**
 * Answers the digest of all that a prepared image is made from; in hex. Packages come as the distribution has them on the day,
 * so the same recipe may give newer ones another time.
 */
export function recipeDigestFrom(files: readonly string[], baseAmi: string, diskGiB: number): string {
  const parts = { formatVersion: FORMAT_VERSION, baseAmi, diskGiB, files };
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
