import { green } from "./notes.ts";

/** What goes into the text of one script. */
export interface ScriptParts {
  readonly commands: readonly string[];
  /** Exported by the script itself; leave empty where the surroundings already hold them. */
  readonly variables: Readonly<Record<string, string>>;
  readonly workingDir: string;
  readonly echoCommands: boolean;
}

const COLLAPSED = " # collapsed multi-line command";

/**
 * Writes the text of a script that any POSIX shell reads: variables, the folder, then the commands in order. The first
 * that fails ends it, as in GitLab's runner.
 */
export function scriptFrom({ commands, variables, workingDir, echoCommands }: ScriptParts): string {
  const lines = [
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quoteForShell(value)}`),
    // Shells without pipefail (dash) must not stop here.
    "(set -o pipefail) 2>/dev/null && set -o pipefail",
    "set -e",
    `cd ${quoteForShell(workingDir)}`,
  ];
  for (const command of commands) {
    if (echoCommands) {
      lines.push(`printf '%s\\n' ${quoteForShell(echoedLine(command))}`);
    }
    lines.push(command);
  }
  return `${lines.join("\n")}\n`;
}

/** Quotes any text without NUL as one word of a POSIX shell. */
export function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function echoedLine(command: string): string {
  const [first = "", ...rest] = command.split("\n");
  return green(`$ ${first}${rest.some((line) => line.trim() !== "") ? COLLAPSED : ""}`);
}
