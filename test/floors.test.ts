import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const src = fileURLToPath(new URL("../src", import.meta.url));

/** The floor of each room; imports point to a lower floor, or stay in the room. */
const FLOORS: Readonly<Record<string, number>> = {
  "cli.ts": 8,
  "index.ts": 8,
  commands: 7,
  library: 7,
  daemon: 6,
  host: 6,
  ci: 6,
  fleet: 6,
  api: 5,
  simulation: 5,
  pool: 3,
  drivers: 3,
  guest: 3,
  jobs: 3,
  store: 3,
  traces: 3,
  planning: 2,
  ports: 2,
  config: 2,
  domain: 1,
};

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));

function importsOf(file: string): string[] {
  const text = readFileSync(join(src, file), "utf8");
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((match) => match[1] ?? "");
  return specifiers.map((specifier) => relative(src, resolve(src, dirname(file), specifier)));
}

const roomOf = (file: string): string => file.split("/")[0] ?? file;

it("knows the floor of every room", () => {
  const unknown = files.map(roomOf).filter((room) => FLOORS[room] === undefined);

  expect(unknown).toEqual([]);
});

it.each(files)("%s imports only from lower floors", (file) => {
  const room = roomOf(file);
  const wrong = importsOf(file).filter((target) => {
    const other = roomOf(target);
    return other !== room && (FLOORS[other] ?? 99) >= (FLOORS[room] ?? 0);
  });

  expect(wrong).toEqual([]);
});

it("keeps the drivers apart from each other", () => {
  const driverOf = (file: string): string => file.split("/").slice(0, 2).join("/");
  const crossing = files
    .filter((file) => file.startsWith("drivers/"))
    .filter((file) => importsOf(file).some((t) => t.startsWith("drivers/") && driverOf(t) !== driverOf(file)));

  expect(crossing).toEqual([]);
});

it("has no barrel but index.ts", () => {
  const barrels = files.filter((file) => file.endsWith("/index.ts"));

  expect(barrels).toEqual([]);
});
