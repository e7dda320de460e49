import type { Call } from "./call.ts";

const HELP = `Usage: docker-machine [OPTIONS] COMMAND [arg...]

The commands of docker-machine, on machines of mayfly's pools. One that was made is ready in seconds, serves one job, and is
gone when it is removed, or when its directory is.

Commands:
  active        Print which machine is active
  config        Print the connection config for a machine, whose engine has just answered
  create        Lease a machine: create --driver mayfly NAME
  env           Print what makes a shell's docker speak to a machine
  help          Print this
  inspect       Print what is known of a machine; -f TEMPLATE
  ip            Print the address of a machine
  kill, stop    Hand a machine over to its end: none is started a second time
  ls            List machines; -q, --filter driver|state|name|label=…, --format TEMPLATE
  provision     See that a machine is ready
  rm            Hand a machine over to its end and remove its directory; -y, -f
  scp           Copy files between this host and machines; -r
  ssh           Open a shell on a machine, or run a command there
  status        Print the state of a machine: Running, Timeout, Error
  url           Print where the engine of a machine is spoken to
  version       Print the version, with NAME that of its engine

Options:
  -s, --storage-path DIR   where machines are kept (else MACHINE_STORAGE_PATH, ~/.docker/machine)
  -D, --debug, --native-ssh, --tls-*, --github-api-token, --bugsnag-api-token   are taken and change nothing

Options of create:
  -d, --driver mayfly      "amazonec2" is another word for it, and its options are taken; what they cannot change is named
  --mayfly-pool NAME       the pool (else MAYFLY_POOL, the only one, the only one that amazonec2's region, type and AMI fit)
  --mayfly-socket PATH     the daemon's socket (else MAYFLY_SOCKET, else the config's)
  --mayfly-timeout TIME    how long to wait for a machine, as in 20m (1h)
  --engine-label LABEL     what \`ls --filter label=…\` finds
`;

/** `help`. */
export function runHelp(call: Call): number {
  call.io.stdout.write(HELP);
  return 0;
}
