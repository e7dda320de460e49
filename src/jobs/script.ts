import type { JobSpec } from "../domain/job.ts";
import { green } from "./notes.ts";

/** What goes into one script. */
export interface ScriptParts {
  /** As text, or as bytes that need not be text. */
  readonly commands: readonly (string | Buffer)[];
  /** Exported by the script itself; leave empty where the surroundings already hold them. */
  readonly variables: Readonly<Record<string, string>>;
  readonly workingDir: string;
  readonly echoCommands: boolean;
}

const NEWLINE = Buffer.from("\n");
const COLLAPSED = " # collapsed multi-line command";

/** Answers the commands of a job's `script` as they are run, whichever way they were sent. */
export function scriptCommandsOf({ script, scriptEncoding }: JobSpec): readonly (string | Buffer)[] {
  return scriptEncoding === "base64" ? script.map((command) => Buffer.from(command, "base64")) : script;
}

/**
 * Writes the bytes of a script that any POSIX shell reads: variables, the folder, then the commands in order. The first
 * that fails ends it, as in GitLab's runner.
 */
export function scriptFrom({ commands, variables, workingDir, echoCommands }: ScriptParts): Buffer {
  const lines: (string | Buffer)[] = [
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quoteForShell(value)}`),
    // Shells without pipefail (dash) must not stop here, and bash need not start a process to be asked.
    `if [ -n "\${BASH_VERSION-}" ] || (set -o pipefail) 2>/dev/null; then set -o pipefail; fi`,
    "set -e",
    `cd ${quoteForShell(workingDir)}`,
  ];
  for (const command of commands) {
    if (echoCommands) {
      lines.push(`printf '%s\\n' ${quoteForShell(echoedLine(command.toString()))}`);
    }
    lines.push(command);
  }
  return Buffer.concat(lines.flatMap((line) => [typeof line === "string" ? Buffer.from(line) : line, NEWLINE]));
}

/** Quotes any text without NUL as one word of a POSIX shell. */
export function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function echoedLine(command: string): string {
  const [first = "", ...rest] = command.split("\n");
  return green(`$ ${first}${rest.some((line) => line.trim() !== "") ? COLLAPSED : ""}`);
}
