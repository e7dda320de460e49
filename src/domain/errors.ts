/** The base of every error that mayfly raises on purpose: a stable kebab-case `code` for programs, a message for people. */
export abstract class MayflyError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** One problem in something that a user wrote: where it is, which rule it breaks, which value stands there. */
export interface Problem {
  /** `file:line` where known, else the file or the option's name. */
  readonly place: string;
  readonly message: string;
}

/** Wrong usage or configuration. The caller prints every problem without a stack and exits with 2. */
export class ConfigError extends MayflyError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], code = "config-invalid") {
    super(code, problems.map(({ place, message }) => `${place}: ${message}`).join("\n"));
    this.problems = problems;
  }
}

/** There is no room for one more machine now. The caller waits, or tries another offering, and says why. */
export class CapacityError extends MayflyError {}

/** A failure that may pass by itself (throttling, reset, 5xx). Adapters retry it within their deadline. */
export class TransientError extends MayflyError {}

/** A failure that may pass by itself, of a request of which nothing came for certain: it did not get there, or was not taken. */
export class NoEffectError extends TransientError {}

/** The thing named is not there. Success for whoever wanted it gone. */
export class NotFoundError extends MayflyError {}

/** One machine is unfit (boot timeout, probe failed, host key changed). The caller terminates it; nobody retries on it. */
export class MachineError extends MayflyError {}

/** The machine under a job was lost (process died, channel cut, engine gone). The job may be run again elsewhere. */
export class MachineLostError extends MayflyError {}

/** The job itself cannot go on for a reason its author can mend (image not found, bad credentials). */
export class JobError extends MayflyError {}

/** The manager or the host cannot do what was asked (no daemon, missing package, no disk space). Exit code 3. */
export class SystemError extends MayflyError {}

/** A provider refused what was asked, and nothing came of it: an action that is not allowed, say. Exit code 3. */
export class RefusedError extends SystemError {}

/** The request contradicts the state of things (second manager on one state directory, lease already ended). */
export class ConflictError extends MayflyError {}
