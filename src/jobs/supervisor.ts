import { quoteForShell } from "./script.ts";

/** What the machine's side of a running script must know. Nothing in it is secret: it stands in a process's arguments. */
export interface SupervisorOptions {
  /** The job's folder; made when it is not there. */
  readonly jobDir: string;
  /** A new folder for the script itself, mode 0700. */
  readonly scriptDir: string;
  readonly scriptBytes: number;
  /** Begins the marker after the script's last byte of output. */
  readonly nonce: string;
  /** From TERM to KILL, in whole seconds. */
  readonly graceSeconds: number;
}

/** Said to the supervisor after the script's bytes. Without it, nothing is run: an upload may have been cut short. */
export const RUN_WORD = "run\n";
/** Said to the supervisor to end all that the script started. */
export const STOP_WORD = "stop\n";

/**
 * INVARIANTS
 * - The script runs in a session of its own, so that TERM and KILL reach all that it started; sudo's children belong to root.
 * - The marker goes through the script's own pipe, so that all that the script's shell wrote stands before it.
 * - The supervisor lives until its stdin ends, so that processes left in the background can still be stopped.
 */
const SUPERVISOR = `
set -u
job_dir=$1 script_dir=$2 script_bytes=$3 nonce=$4 grace=$5
as_root() { if ((EUID)); then sudo -n "$@"; else "$@"; fi; }
mkdir -p -- "$job_dir" 2>/dev/null || { as_root install -d -o "$EUID" -- "\${job_dir%/*}" && mkdir -p -- "$job_dir"; } || exit 1
script=$script_dir/script
(umask 077 && mkdir -p -- "$script_dir" && exec head -c "$script_bytes" >"$script") || exit 1
read -r word && [ "$word" = run ] || exit 1
exec 3<&0 </dev/null
shell=$(command -v bash || command -v sh)
setsid "$shell" "$script" </dev/null 2>&1 3<&- &
session=$!
signal_session() {
  kill -"$1" -- "-$session"
  as_root pkill -"$1" -s "$session"
}
control() {
  while read -r word; do
    [ "$word" = stop ] || continue
    signal_session TERM
    for ((i = 0; i < grace * 5; i++)); do
      pgrep -r D,R,S,T,t -s "$session" || return
      sleep 0.2
    done
    signal_session KILL
    return
  done
}
control <&3 >/dev/null 2>&1 &
wait "$session"
printf '\\0%s:%d\\0' "$nonce" "$?"
wait
`;

/** Writes the command that receives a script over stdin, runs it, and ends it when told to. */
export function supervisorCommand(options: SupervisorOptions): string {
  const { jobDir, scriptDir, scriptBytes, nonce, graceSeconds } = options;
  const words = [SUPERVISOR, "mayfly", jobDir, scriptDir, `${scriptBytes}`, nonce, `${graceSeconds}`];
  return `exec bash -c ${words.map(quoteForShell).join(" ")}`;
}
