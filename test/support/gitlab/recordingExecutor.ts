import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What the executor does instead of succeeding: `exit 2`, `fail 42` with that in the exit-code file, `hang` until it is told to end. */
export type StageRule = `exit ${number}` | `fail ${string}` | "hang";

/** An executor that does nothing but note its calls, for whoever drives one. */
export interface RecordingExecutor extends AsyncDisposable {
  readonly program: string;
  /** Of a driver of it, beside its own. */
  readonly env: Readonly<Record<string, string>>;
  /** Forgets what was, and heeds these rules from now on; a stage is named as the runner names it, a verb as itself. */
  reset(rules: Readonly<Record<string, StageRule>>): Promise<void>;
  /** Each call that has ended: verb, stage, CI_JOB_STATUS and exit code. */
  calls(): Promise<readonly string[]>;
}

const PROGRAM = `#!/bin/bash
verb=$1 stage=\${3:-}
end() {
  echo "$verb\${stage:+ $stage}\${CUSTOM_ENV_CI_JOB_STATUS:+ ($CUSTOM_ENV_CI_JOB_STATUS)}: $1" >>"$RECORDED_CALLS"
  exit "$1"
}
trap 'end 1' TERM
if [ "$verb" = config ]; then
  echo '{"builds_dir":"/builds","job_env":{"TOLD_BY_CONFIG":"yes"}}'
  end 0
fi
# Whoever does not hand on what config said, or runs a call elsewhere than it says, is found out.
[ "$TOLD_BY_CONFIG" = yes ] && [ "$PWD" = "$TMPDIR" ] && [ -s "$JOB_RESPONSE_FILE" ] || end 99
if [ "$verb" = prepare ]; then
  [ ! -e "$BUILD_EXIT_CODE_FILE" ] || end 98
fi
while read -r name what code; do
  [ "$name" = "\${stage:-$verb}" ] || continue
  case $what in
    exit) end "$code" ;;
    fail) echo "$code" >"$BUILD_EXIT_CODE_FILE"; end "$BUILD_FAILURE_EXIT_CODE" ;;
    # Whoever has something to say hears sooner of a cancellation.
    hang) while :; do echo hanging; sleep 0.3; done ;;
  esac
done <"$STAGE_RULES"
end 0
`;

/** Makes such an executor. */
export async function makeRecordingExecutor(): Promise<RecordingExecutor> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-recording-"));
  const [program, calls, rules] = ["executor", "calls", "rules"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(program, PROGRAM, { mode: 0o755 });
  return {
    program,
    env: { RECORDED_CALLS: calls, STAGE_RULES: rules },
    async reset(wanted) {
      await writeFile(calls, "");
      await writeFile(
        rules,
        Object.entries(wanted)
          .map(([name, rule]) => `${name} ${rule}\n`)
          .join(""),
      );
    },
    calls: async () => (await readFile(calls, "utf8")).split("\n").filter((line) => line !== ""),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
