import type { Problem } from "../domain/errors.ts";

/** Collects what is wrong with a file (errors) and what of it is not honoured (warnings). */
export interface Diagnostics {
  error(line: number, message: string): void;
  warn(line: number, message: string): void;
  hasErrors(): boolean;
  /** In the order of the file, each once. */
  readonly errors: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** Starts an empty collection for a file, under the name that messages give it. */
export function createDiagnostics(fileName: string): Diagnostics {
  const errors = new Map<string, Finding>();
  const warnings = new Map<string, Finding>();
  // Jobs inherit each other's lines, so the same finding comes up once a job.
  const add = (findings: Map<string, Finding>, line: number, message: string): void => {
    findings.set(`${line}:${message}`, { line, message });
  };
  const sorted = (findings: Map<string, Finding>): Problem[] =>
    [...findings.values()]
      .sort((a, b) => a.line - b.line)
      .map(({ line, message }) => ({ place: `${fileName}:${line}`, message }));
  return {
    error: (line, message) => add(errors, line, message),
    warn: (line, message) => add(warnings, line, message),
    hasErrors: () => errors.size > 0,
    get errors() {
      return sorted(errors);
    },
    get warnings() {
      return sorted(warnings);
    },
  };
}

interface Finding {
  readonly line: number;
  readonly message: string;
}
