import { pino, stdSerializers } from "pino";
import type { DestinationStream } from "pino";
import type { Logger } from "../ports/logger.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Keys whose values are secrets wherever they stand, two levels deep. */
const SECRET_KEYS = [
  "privateKey",
  "password",
  "token",
  "launchToken",
  "userData",
  "keys",
  "authorization",
  "variables",
];

/** Creates the manager's log: one JSON object a line, secrets redacted. */
export function createLogger(level: LogLevel, destination: DestinationStream): Logger {
  const paths = SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);
  return pino(
    { level, base: null, serializers: { err: stdSerializers.errWithCause }, redact: { paths, censor: "[redacted]" } },
    destination,
  );
}
