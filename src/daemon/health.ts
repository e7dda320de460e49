import type { Config } from "../config/config.ts";
import { viewPool } from "../pool/control.ts";
import type { Fleet } from "../pool/fleet.ts";
import type { Health, PoolHealth } from "../ports/health.ts";
import type { DiskWatch } from "./diskWatch.ts";

export interface HealthParts {
  readonly config: Config;
  /** Why the file is not what is in force. */
  readonly configProblem?: Health["configProblem"];
  readonly fleet: Fleet;
  readonly version: string;
  readonly startedAt: number;
  readonly watch: Pick<DiskWatch, "disks" | "problem"> | undefined;
  readonly mirror?: Health["mirror"];
  readonly gitlab?: Health["gitlab"];
}

/** Says how a manager fares now. */
export function healthOf({
  config,
  configProblem,
  fleet,
  version,
  startedAt,
  watch,
  mirror,
  gitlab,
}: HealthParts): Health {
  const pools = config.pools.map(({ name }) => poolHealthOf(fleet, name));
  const storeText = fleet.storeProblem;
  const storeProblem = storeText === "" ? undefined : { text: storeText, since: fleet.state.problemSince() };
  const spaceText = watch?.problem() ?? "";
  const problems = [
    ...(fleet.isClosing ? ["it is stopping and takes no more jobs"] : []),
    ...(storeText === "" ? [] : [`the store cannot be written, nothing new is begun: ${storeText}`]),
    ...(configProblem === undefined ? [] : [`the config file is not applied: ${configProblem.text}`]),
    ...(spaceText === "" ? [] : [`nothing is launched: ${spaceText}`]),
    ...(mirror?.problem === undefined
      ? []
      : [`the registry mirror ${mirror.isServing ? "is on its own" : "does not serve"}: ${mirror.problem.text}`]),
    ...(gitlab?.webhooks?.problem === undefined
      ? []
      : [`GitLab's webhooks are not taken: ${gitlab.webhooks.problem.text}`]),
    ...(gitlab?.api?.problem === undefined
      ? []
      : [`GitLab's API does not say what it is asked: ${gitlab.api.problem.text}`]),
    ...pools.flatMap(({ name, launchProblem }) =>
      launchProblem === undefined ? [] : [`pool ${name} cannot launch: ${launchProblem}`],
    ),
  ];
  const isWell = problems.length === 0;
  return {
    status: fleet.isClosing ? "stopping" : isWell ? "ok" : "degraded",
    ...{ version, name: config.name, pid: process.pid, startedAt, problems, storeProblem, configProblem, pools },
    ...{ disks: watch?.disks() ?? [], minFreeBytes: config.minFreeDiskMiB * 2 ** 20, mirror, gitlab },
  };
}

function poolHealthOf(fleet: Fleet, name: string): PoolHealth {
  const { mode, steeredBy, preloadProblems } = viewPool(fleet, name);
  const { launchProblem, refusals, launchesPausedUntil } = fleet.state.notes(name);
  const health = { name, mode, steeredBy, refusals, ...(preloadProblems && { preloadProblems }) };
  return launchProblem === "" ? health : { ...health, launchProblem, launchesPausedUntil };
}
