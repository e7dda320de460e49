import type { Logger } from "../../src/ports/logger.ts";
import { silentLogger } from "./jobs.ts";

/** What was warned of: the message, and what was wrong as far as the fields tell. */
export interface Warning {
  readonly message: string;
  readonly problem: string;
}

/** A logger that keeps warnings and is silent beside. */
export function warningsInto(warnings: Warning[]): Logger {
  const logger: Logger = {
    ...silentLogger,
    child: () => logger,
    warn(fields, message) {
      const { problem, err } = fields as { readonly problem?: string; readonly err?: Error };
      warnings.push({ message, problem: problem ?? err?.message ?? "" });
    },
  };
  return logger;
}
