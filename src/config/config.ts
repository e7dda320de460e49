import type { DesiredPool } from "../domain/pool.ts";
import type { GitlabConfig } from "./gitlab.ts";
import type { ListenConfig } from "./listen.ts";
import type { MirrorConfig } from "./mirror.ts";

/** Where the control API listens. */
interface ApiConfig {
  /** Path of the unix socket, at most 107 bytes. @default mayfly.sock in the state directory */
  readonly socket: string;
  /** Where it listens over TLS beside it. @default nowhere */
  readonly tcp?: ListenConfig | undefined;
}

/** What is told to Prometheus. */
interface MetricsConfig {
  /** Where `/metrics` is served beside the API's socket. @default nowhere */
  readonly listen?: { readonly host: string; readonly port: number } | undefined;
  /** Whether gitlab-runner's own families are there, too. @default false */
  readonly gitlabNames: boolean;
}

/** All that an operator wishes, checked. */
export interface Config {
  /** Owner tag on all that this manager launches. @default "mayfly" */
  readonly name: string;
  /** Absolute path. @default /var/lib/mayfly for root, else $XDG_STATE_HOME/mayfly or ~/.local/state/mayfly */
  readonly stateDir: string;
  /** Machines of all pools together, ≥ 1. @default 100 */
  readonly maxMachines: number;
  /** With less free space than this where the state directory is, nothing is launched. In MiB, ≥ 32. @default 1,024 */
  readonly minFreeDiskMiB: number;
  /** How long a stopping daemon waits for running jobs and held leases, in milliseconds, ≥ 0. @default 10 minutes */
  readonly stopTimeoutMs: number;
  readonly api: ApiConfig;
  readonly metrics?: MetricsConfig | undefined;
  /** A registry mirror that the daemon runs. @default none */
  readonly mirror?: MirrorConfig | undefined;
  /** Where jobs of a GitLab are known from before they come. @default nowhere */
  readonly gitlab?: GitlabConfig | undefined;
  /** At least one, with unique names, in the order of the file. */
  readonly pools: readonly DesiredPool[];
}
