import type { Notes } from "./notes.ts";
import type { Section } from "./read.ts";

/** Settings of [runners.autoscaler] that need no counterpart, or have none. */
const REST: Readonly<Record<string, string>> = {
  delete_instances_on_shutdown: "SIGTERM always ends what is idle; SIGUSR2 keeps it for the next manager",
  instance_ready_command: "a machine is ready when mayfly has run a container on it; put further checks into its image",
  instance_acquire_timeout: "each lease says how long it waits",
  update_interval: "EC2 is asked when something is awaited, and once in a while",
  update_interval_when_expecting: "EC2 is asked when something is awaited, and once in a while",
  deletion_retry_interval: "terminations are tried again, further and further apart",
  shutdown_deletion_interval: "terminations are tried again, further and further apart",
  shutdown_deletion_retries: "a stop waits for machines for a minute; the next start ends the rest",
  failure_threshold: "a machine that its probes do not reach is ended",
  scale_throttle: "calls are paced within the account's own limits; pool.max_growth_rate limits launches in flight",
  reservation_throttling: "jobs wait in mayfly's queue, first come, first served",
  log_internal_ip: "the log has addresses of machines as it is",
  log_external_ip: "the log has addresses of machines as it is",
  state_storage: "the state is always stored, and machines outlive a restart",
  vm_isolation: "every job has a machine of its own",
};

/** Notes what is left of an autoscaler and its policies once all else was read. */
export function noteRest(autoscaler: Section, policies: readonly Section[], notes: Notes): void {
  const uses = autoscaler.count("max_use_count");
  if (uses?.value === 1) notes.add("became", uses, "nothing: every machine serves one job here");
  else if (uses !== undefined)
    notes.add("changed", uses, "every machine serves one job here, and is never used again: more of them are launched");
  for (const [key, text] of Object.entries(REST)) {
    const origin = autoscaler.origin(key);
    if (origin !== undefined) notes.add("lost", origin, text);
  }
  for (const origin of autoscaler.unread())
    notes.add("lost", origin, "mayfly has no such setting; its value was not looked at");
  for (const policy of policies) {
    const preemptive = policy.flag("preemptive_mode");
    if (preemptive !== undefined)
      notes.add(
        "lost",
        preemptive,
        "the runner asks for jobs whether or not a machine is ready; they wait in the queue",
      );
    for (const origin of policy.unread()) notes.add("lost", origin, "mayfly has no such setting");
  }
}
