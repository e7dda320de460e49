import { Counter, Gauge, Histogram, exponentialBuckets } from "prom-client";
import type { Registry } from "prom-client";
import type { MachineState } from "../../domain/machine.ts";

/** GitLab's word for where a machine is. Source: gitlab-runner, executors/docker/machine/collector.go (docs of the docker+machine executor). */
const STATES: Readonly<Record<MachineState, string | undefined>> = {
  requested: "creating",
  booting: "creating",
  starting: "creating",
  idle: "idle",
  leased: "used",
  stopping: undefined,
  stopped: undefined,
  terminating: "removing",
  terminated: undefined,
};
const WORDS = ["acquired", "creating", "idle", "used", "removing", "stuck-on-removing"] as const;
/** gitlab-runner calls a machine stuck whose removal failed so often. */
const STUCK_FAILURES = 3;

/** The families of gitlab-runner's docker+machine executor, for dashboards that were made for it. */
export interface GitlabFamilies {
  created(seconds: number): void;
  creationFailed(seconds: number): void;
  used(): void;
  removed(seconds: number): void;
  /** @param failures how often each termination that is tried again has failed */
  show(
    machines: readonly { readonly id: string; readonly state: MachineState }[],
    failures: (id: string) => number,
  ): void;
}

/** Makes them, with gitlab-runner's own names, labels and buckets. */
export function createGitlabFamilies(register: Registry): GitlabFamilies {
  const prefix = "gitlab_runner_autoscaling_";
  const executor = "docker+machine";
  const registers = [register];
  const states = new Gauge({
    name: `${prefix}machine_states`,
    help: "The current number of machines per state in this provider.",
    labelNames: ["executor", "state"] as const,
    registers,
  });
  const actions = new Counter({
    name: `${prefix}actions_total`,
    help: "The total number of actions executed by the provider.",
    labelNames: ["executor", "action"] as const,
    registers,
  });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `${prefix}${name}`, help, labelNames: ["executor"] as const, buckets, registers });
  const creation = histogram(
    "machine_creation_duration_seconds",
    "Histogram of machine creation time.",
    exponentialBuckets(30, 1.25, 10),
  );
  const failed = histogram(
    "machine_failed_creation_duration_seconds",
    "Histogram of machine failed creation timings",
    exponentialBuckets(30, 1.25, 10),
  );
  const removal = histogram(
    "machine_removal_duration_seconds",
    "Histogram of machine removal time.",
    [1, 3, 5, 10, 30, 50, 60, 80, 90, 100, 120],
  );
  for (const action of ["created", "creation-failed", "used", "removed"]) actions.inc({ executor, action }, 0);

  return {
    created(seconds) {
      actions.inc({ executor, action: "created" });
      creation.observe({ executor }, seconds);
    },
    creationFailed(seconds) {
      actions.inc({ executor, action: "creation-failed" });
      failed.observe({ executor }, seconds);
    },
    used: () => actions.inc({ executor, action: "used" }),
    removed(seconds) {
      actions.inc({ executor, action: "removed" });
      removal.observe({ executor }, seconds);
    },
    show(machines, failures) {
      const words = machines.map(({ id, state }) =>
        state === "terminating" && failures(id) >= STUCK_FAILURES ? "stuck-on-removing" : STATES[state],
      );
      for (const state of WORDS) states.set({ executor, state }, words.filter((word) => word === state).length);
    },
  };
}
