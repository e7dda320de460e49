import { quoteForShell } from "../../src/jobs/script.ts";

/** What goes into the scripts of one job. */
export interface ScriptContent {
  readonly variables: Readonly<Record<string, string>>;
  /** Where the commands run; made when it is not there. */
  readonly folder?: string;
  readonly commands: readonly string[];
}

/**
 * Writes a script in the form that GitLab's runner gives its bash scripts: strict modes, and everything else in one ANSI-C
 * quoted word that is evaluated with an empty stdin, so that no command can eat the rest of the script.
 */
export function gitlabScript({ variables, folder, commands }: ScriptContent): string {
  const lines = [
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quoteForShell(value)}`),
    ...(folder === undefined ? [] : [`mkdir -p ${quoteForShell(folder)}`, `cd ${quoteForShell(folder)}`]),
    ...commands.flatMap((command) => [`echo ${ansiC(`\u001b[32;1m$ ${command}\u001b[0;m`)}`, command]),
  ];
  return `#!/usr/bin/env bash

set -eo pipefail
set +o noclobber
: | eval ${ansiC(lines.join("\n"))}
exit 0
`;
}

/** Quotes text as `$'…'`. */
const ansiC = (text: string): string =>
  `$'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n").replaceAll("\u001b", "\\033")}'`;
