import type { MayflyError } from "../domain/errors.ts";
import {
  CapacityError,
  ConfigError,
  ConflictError,
  JobError,
  MachineError,
  MachineLostError,
  NotFoundError,
  SystemError,
  TransientError,
} from "../domain/errors.ts";
import type { Problem } from "../domain/errors.ts";

/** The class of an error, as it travels. `bug` is what should never happen. */
export const ERROR_KINDS = [
  "config",
  "capacity",
  "transient",
  "not-found",
  "machine",
  "machine-lost",
  "job",
  "system",
  "conflict",
  "bug",
] as const;
export type ErrorKind = (typeof ERROR_KINDS)[number];

/** An error as it travels between server and client. */
export interface ErrorBody {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly message: string;
  readonly problems?: readonly Problem[] | undefined;
}

export const ERROR_STATUS = {
  config: 400,
  "not-found": 404,
  conflict: 409,
  job: 422,
  bug: 500,
  system: 500,
  machine: 502,
  "machine-lost": 502,
  capacity: 503,
  transient: 503,
} as const satisfies Record<ErrorKind, number>;

const CLASSES = {
  capacity: CapacityError,
  transient: TransientError,
  "not-found": NotFoundError,
  machine: MachineError,
  "machine-lost": MachineLostError,
  job: JobError,
  system: SystemError,
  conflict: ConflictError,
} as const satisfies Record<Exclude<ErrorKind, "config" | "bug">, new (code: string, message: string) => MayflyError>;

/** Writes an error for the wire. What is not mayfly's own shows no detail: that is for the server's log. */
export function bodyFromError(error: unknown): ErrorBody {
  if (error instanceof ConfigError) {
    return { kind: "config", code: error.code, message: error.message, problems: error.problems };
  }
  const kind = (Object.keys(CLASSES) as (keyof typeof CLASSES)[]).find((name) => error instanceof CLASSES[name]);
  if (kind !== undefined) return { kind, code: (error as MayflyError).code, message: (error as MayflyError).message };
  return {
    kind: "bug",
    code: "internal",
    message: "the mayfly daemon failed in a way it should not; its log has more",
  };
}

/** Reads an error from the wire into the class that it left as; a bug of the server is a SystemError to the client. */
export function errorFromBody({ kind, code, message, problems }: ErrorBody): MayflyError {
  if (kind === "config") return new ConfigError(problems ?? [{ place: "request", message }], code);
  if (kind === "bug") return new SystemError(code, message);
  return new CLASSES[kind](code, message);
}
