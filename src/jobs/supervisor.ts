import type { ScriptTrace } from "../domain/jobProgress.ts";
import { quoteForShell } from "./script.ts";
import { STOP_GRACE_MS } from "./scriptHost.ts";

/** Said to the supervisor after the script's bytes. Without it, nothing is run: an upload may have been cut short. */
export const RUN_WORD = "run\n";
/** Said to a supervisor or a follower to end all that the script started. */
export const STOP_WORD = "stop\n";
/** Said to a supervisor or a follower once the script's container has ended: it may never have opened its pipe. */
export const ENDED_WORD = "ended\n";

/** What a supervisor and a follower do at a word on their stdin. */
const CONTROL = `
as_root() { if ((EUID)); then sudo -n "$@"; else "$@"; fi; }
signal_session() {
  kill -"$1" -- "-$session"
  as_root pkill -"$1" -s "$session"
}
stop_session() {
  signal_session TERM
  for ((i = 0; i < grace * 5; i++)); do
    pgrep -r D,R,S,T,t -s "$session" || return
    sleep 0.2
  done
  signal_session KILL
}
control() {
  while read -r word; do
    case $word in
      stop) [ -z "$session" ] || { stop_session; return; } ;;
      # Who opens a pipe for reading waits for its first writer: here is one, if only for moments.
      ended) for ((i = 0; i < 100; i++)); do kill -0 "$writer" && : <>"$pipe" && sleep 0.1 || return; done ;;
    esac
  done
}
`;

/**
 * It makes all ready that needs no script, its shell above all, then waits for a line of words and the script's bytes: a process
 * costs tens of milliseconds on an emulated machine, so what can be started before there is a job may be, and what comes after
 * the words takes as few as can be.
 *
 * INVARIANTS
 * - Nothing runs before `begun` is made, and it is made once: who finds it missing and makes it first, knows that the
 *   script will never run.
 * - The script runs in a session of its own, so that TERM and KILL reach all that it started; sudo's children belong to root.
 * - All output goes through `tee` into `output`, and on to whoever listens. When nobody listens any more, it goes into
 *   `output` alone: neither the script nor its end needs anybody.
 * - The marker goes the way of the output, so that all that the script's shell wrote stands before it.
 * - The supervisor lives until its stdin ends, so that processes left in the background can still be stopped.
 */
const SUPERVISOR = `
set -u
folder=$1 nonce=$2 grace=$3 script=$4 pipe=$5 user=$6 builds=$7 session=
${CONTROL}
take_text() {
  local LC_ALL=C text
  IFS= read -r -N "$script_bytes" text && printf %s "$text" >"$script"
}
# Bash reads BASH_ENV once it is all up, and opens its script after that.
write_gate() {
  local restore='unset go BASH_ENV'
  [ -z "\${BASH_ENV-}" ] || printf -v restore 'unset go; BASH_ENV=%q; . "$BASH_ENV"' "$BASH_ENV"
  printf 'read -r -u 5 go || exit 1\\nexec 5<&-\\n%s\\n' "$restore" >"$folder/gate"
}
make_job_dir() {
  mkdir -p -- "$job_dir" 2>/dev/null || { as_root install -d -o "$EUID" -- "\${job_dir%/*}" && mkdir -p -- "$job_dir"; }
}
(umask 077 && mkdir -p -- "$folder") || exit 1
# Who follows needs it also when nothing is ever written.
: >"$folder/output"
if [ -z "$pipe" ]; then
  [ -d "$builds" ] || mkdir -p -- "$builds" 2>/dev/null || as_root install -d -o "$EUID" -- "$builds"
  exec 4> >(exec tee -p -- "$folder/output")
  writer=$!
  if [ "$user" = root ]; then
    as=("$BASH" -c 'umask 0; exec "$@"' mayfly)
    ((EUID == 0)) || as=(sudo -n "\${as[@]}")
    coproc gate { exec setsid "$BASH" -c 'read -r go && exec "$@" </dev/null' mayfly "\${as[@]}" "$BASH" "$script"; } >&4 2>&1 4>&-
  else
    write_gate
    coproc gate { BASH_ENV=$folder/gate exec setsid "$BASH" "$script" 5<&0 </dev/null; } >&4 2>&1 4>&-
  fi
  session=$gate_PID
  printf '%s %s %s\\n' "$session" "$writer" "$PPID" >"$folder/processes"
fi
read -r script_bytes kind job_dir || exit 1
[ -n "$pipe" ] || [ -d "$job_dir" ] || make_job_dir || exit 1
case $kind in
  text) take_text ;;
  *) (exec head -c "$script_bytes" >"$script") ;;
esac || exit 1
read -r word && [ "$word" = run ] || exit 1
set -C
{ : >"$folder/begun"; } 2>/dev/null || exit 1
set +C
exec 3<&0 </dev/null
if [ -n "$pipe" ]; then
  tee -p -- "$folder/output" <"$pipe" 3<&- &
  writer=$!
  printf -- '- %s %s\\n' "$$" "$PPID" >"$folder/processes"
else
  printf 'go\\n' >&"\${gate[1]}"
fi
control <&3 >/dev/null 2>&1 4>&- &
exec 3<&-
if [ -n "$pipe" ]; then
  wait "$writer" && kept=("$folder/output") || kept=()
  # Where a full disk took some of the output, its end would only hide that.
  printf '\\0%s:0\\0' "$nonce" | tee -p -a -- "\${kept[@]}"
else
  wait "$session"
  code=$?
  : >"$folder/ended"
  printf '\\0%s:%d\\0' "$nonce" "$code" >&4
  exec 4>&-
fi
wait
`;

/**
 * Where a script runs: on the machine itself, its folder made when it is not there; or in a container that writes into a pipe.
 */
export type SupervisedPlace = { readonly builds: string; readonly user: "own" | "root" } | { readonly pipe: string };

/**
 * Writes the command that receives a script over stdin, runs it, keeps its output, and ends it when told to. Holds no secret, and
 * nothing of the script: it may be started before there is any.
 */
export function supervisorCommand({ folder, nonce }: ScriptTrace, scriptPath: string, place: SupervisedPlace): string {
  const [builds, pipe, user] = "pipe" in place ? ["", place.pipe, ""] : [place.builds, "", place.user];
  return bashCommand(SUPERVISOR, [folder, nonce, GRACE_SECONDS, scriptPath, pipe, user, builds]);
}

/** Bash reads them one by one itself, which saves a process. It knows no NUL. */
const MAX_TEXT_BYTES = 16_384;

/** What a supervisor is told before the RUN_WORD: how much comes and for which folder, then the script. */
export function scriptMessage(script: Uint8Array, jobDir: string): Buffer {
  const kind = script.length > 0 && script.length <= MAX_TEXT_BYTES && !script.includes(0) ? "text" : "bytes";
  return Buffer.concat([Buffer.from(`${script.length} ${kind} ${jobDir}\n`), script]);
}

/**
 * Another connection still listens, if only in the belief of a server whose client has died without a word: whoever writes
 * to it would wait until that is noticed.
 */
const FOLLOWER = `
set -u
folder=$1 grace=$2 from=$3 pipe=$4
${CONTROL}
for ((i = 0; i < 100; i++)); do
  read -r session writer listener <"$folder/processes" && break
  sleep 0.1
done
[ "$session" != - ] || session=
[ "$listener" = "$PPID" ] || case $(cat "/proc/$listener/comm") in sshd*) kill "$listener" ;; esac 2>/dev/null
exec 3<&0 </dev/null
# A tail that starts behind the end of a file takes it for a new one, and begins at its start.
if (($(stat -c %s -- "$folder/output") < from - 1)); then
  echo "its machine kept less of its output than the log has: the machine's disk may be full" >&2
  exit 1
fi
tail -c "+$from" -f --pid="$writer" -- "$folder/output" 3<&- &
follower=$!
control <&3 >/dev/null 2>&1 &
exec 3<&-
wait "$follower"
exec >&- 2>&-
wait
`;

/** Writes the command that hands on the output of a script that has begun, without its first `takenBytes`, and takes words for it. */
export function followerCommand({ folder }: ScriptTrace, takenBytes: number, pipe = ""): string {
  return bashCommand(FOLLOWER, [folder, GRACE_SECONDS, `${takenBytes + 1}`, pipe]);
}

/** How far a script is that an earlier connection was to start; `never` means that it did not begin and never will. */
export type ScriptState = "never" | "begun" | "ended" | "unknown";

/** The pattern matches the supervisor's command line and not its own. */
const CLAIM = `
set -u
folder=$1 pattern=$2
is_missing() { [ ! -d "$folder" ] && pgrep -f -- "$pattern" >/dev/null; }
# A supervisor that has just been started makes it in a moment; one whose job removed it does not.
for ((i = 0; i < 50; i++)); do
  is_missing || break
  sleep 0.1
done
if is_missing; then echo unknown; exit; fi
(umask 077 && mkdir -p -- "$folder") || exit 1
if (set -C && : >"$folder/begun") 2>/dev/null; then echo never; elif [ -e "$folder/ended" ]; then echo ended; else echo begun; fi
`;

/** Writes the command that answers a script's state in one word, and keeps it from beginning if it has not begun. */
export function claimCommand({ folder, nonce }: ScriptTrace): string {
  return bashCommand(CLAIM, [folder, `[${nonce.slice(0, 1)}]${nonce.slice(1)}`]);
}

const GRACE_SECONDS = `${STOP_GRACE_MS / 1_000}`;

const bashCommand = (program: string, words: readonly string[]): string =>
  `exec bash -c ${[program, "mayfly", ...words].map(quoteForShell).join(" ")}`;
