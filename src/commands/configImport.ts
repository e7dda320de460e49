import { resolve } from "node:path";
import type { Command } from "commander";
import type { Note, Verdict } from "../config/import/notes.ts";
import { ConfigError } from "../domain/errors.ts";
import { contextOf } from "./context.ts";
import type { CommandContext } from "./context.ts";
import { printJson, writeAll } from "./output.ts";

interface ImportOptions {
  readonly output?: string;
  readonly timezone?: string;
}

/** Adds `mayfly config import`. */
export function addConfigImportCommand(config: Command): void {
  config
    .command("import")
    .argument("<file>", "the config.toml of a GitLab Runner with docker+machine, docker-autoscaler or instance")
    .option("--output <file>", "write the mayfly.toml there, into a new file (else to stdout)")
    .option(
      "--timezone <zone>",
      "the time zone of the runner's host, which counts where the file names none (else this host's)",
    )
    .description(
      "make a mayfly.toml of a GitLab Runner's config.toml; say what became of each setting, and what is lost",
    )
    .action((file: string, options: ImportOptions, command: Command) =>
      importConfig(file, options, contextOf(command)),
    );
}

async function importConfig(file: string, options: ImportOptions, context: CommandContext): Promise<void> {
  const [{ importRunnerConfig }, { readConfigText, shownPath }] = await Promise.all([
    import("../config/import/config.ts"),
    import("../config/load.ts"),
  ]);
  const localZone = await zoneFrom(options.timezone);
  const path = resolve(context.cwd, file);
  const fileName = shownPath(context.cwd, path);
  const { toml, notes } = importRunnerConfig(await readConfigText(path, fileName), fileName, localZone);
  const output = options.output === undefined ? undefined : resolve(context.cwd, options.output);
  if (output !== undefined) await writeNew(output, toml);
  if (context.isJson) return printJson(context, { output: output ?? null, toml, settings: notes });
  if (output === undefined) await writeAll(context.stdout, toml);
  await writeAll(output === undefined ? context.stderr : context.stdout, renderNotes(notes));
  if (output !== undefined)
    await writeAll(context.stderr, `mayfly: wrote ${output}; next: mayfly config check ${options.output}\n`);
}

async function zoneFrom(option: string | undefined): Promise<string> {
  if (option === undefined) return new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const { timezone } = await import("../config/fields.ts");
  const parsed = timezone().safeParse(option);
  if (parsed.success) return parsed.data;
  const message = `Expected ${parsed.error.issues[0]?.message}, got "${option}"`;
  throw new ConfigError([{ place: "--timezone", message }], "usage");
}

async function writeNew(path: string, text: string): Promise<void> {
  const { writeFile } = await import("node:fs/promises");
  try {
    await writeFile(path, text, { flag: "wx" });
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    const rule = code === "EEXIST" ? "a new file, this one exists" : `a file that can be written: ${message}`;
    throw new ConfigError([{ place: "--output", message: `Expected ${rule}: ${path}` }], "usage");
  }
}

/** What needs a look comes last, where the eye is. */
const TITLES: readonly (readonly [Verdict, string])[] = [
  ["became", "taken over"],
  ["stays", "stays with the runner, in its own file"],
  ["changed", "taken over, with another meaning"],
  ["lost", "without a counterpart"],
  ["secret", "secrets, written nowhere"],
  ["missing", "to be filled in"],
];

/** Writes what became of each setting, by kind. */
function renderNotes(notes: readonly Note[]): string {
  return TITLES.flatMap(([verdict, title]) => {
    const some = notes.filter((note) => note.verdict === verdict);
    if (some.length === 0) return [];
    return [`\n${title}:`, ...some.map(({ place, setting, text }) => `  ${place} ${setting}: ${text}`)];
  })
    .map((line) => `${line}\n`)
    .join("");
}
