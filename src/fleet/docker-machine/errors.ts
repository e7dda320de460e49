/** Ends a call with a line on stderr and an exit code: 3 before anything was begun, as docker-machine has it, else 1. */
export class CallError extends Error {
  override readonly name = "CallError";
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
