/** One thing that was looked at on this host. */
export interface Check {
  readonly name: string;
  /** `warn`: works, but slower or less than it could; `fail`: machines cannot run. */
  readonly status: "ok" | "warn" | "fail";
  /** What was seen, in one sentence. */
  readonly detail: string;
  /** The command that mends it. */
  readonly fix?: string | undefined;
}
