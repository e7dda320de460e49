import type { JobService, JobSpec } from "../../domain/job.ts";
import type { DockerMode } from "../../domain/pool.ts";
import { serviceAliases } from "./aliases.ts";
import { isDindImage } from "./reference.ts";

const SOCKET = "/var/run/docker.sock";
const ENGINE_VARIABLES = ["DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"];

/** What a pool's way of giving Docker to its jobs means for one job. */
export interface DockerPlan {
  /** For the job's container and its services. */
  readonly isPrivileged: boolean;
  readonly jobBinds: readonly string[];
  readonly serviceBinds: readonly string[];
  /** Those that are started. */
  readonly services: readonly JobService[];
  /** Names that resolve to the machine itself. */
  readonly machineNames: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  /** What was done otherwise than the job says, for its log. */
  readonly remarks: readonly string[];
}

/** @param certsVolume name of a new volume. @param daemonConfig path on the machine of the engine settings for dind services. */
export function planDocker(
  mode: DockerMode,
  services: JobSpec["services"],
  variables: Readonly<Record<string, string>>,
  certsVolume: string,
  daemonConfig: string | undefined,
): DockerPlan {
  const plain = {
    isPrivileged: false,
    jobBinds: [],
    serviceBinds: [],
    services,
    machineNames: [],
    variables,
    remarks: [],
  };
  switch (mode) {
    case "none":
      return plain;
    case "dind": {
      const certs = `${certsVolume}:/certs/client`;
      const config = daemonConfig === undefined ? [] : [`${daemonConfig}:/etc/docker/daemon.json:ro`];
      return { ...plain, isPrivileged: true, jobBinds: [certs], serviceBinds: [certs, ...config] };
    }
    case "socket":
      return { ...plain, jobBinds: [`${SOCKET}:${SOCKET}`], ...withoutDind(services, variables) };
  }
}

/** Lets a job that was written for a dind service run on the machine's own engine, unchanged. */
function withoutDind(
  services: readonly JobService[],
  variables: Readonly<Record<string, string>>,
): Pick<DockerPlan, "services" | "machineNames" | "variables" | "remarks"> {
  const replaced = services.filter((service) => isDindImage(service.name));
  const machineNames = [...new Set(["docker", ...replaced.flatMap(serviceAliases)])];
  const remarks = replaced.map(
    ({ name }) => `Service ${name} is not started: the machine's own engine takes its place.`,
  );
  const host = variables["DOCKER_HOST"];
  const isElsewhere = host !== undefined && !machineNames.includes(hostNameOf(host));
  const dropped = isElsewhere ? [] : ENGINE_VARIABLES.filter((name) => variables[name] !== undefined);
  if (dropped.length > 0) {
    remarks.push(`Left out ${dropped.join(", ")}: the machine's own engine is used through ${SOCKET}.`);
  }
  return {
    services: services.filter((service) => !replaced.includes(service)),
    machineNames,
    variables: Object.fromEntries(Object.entries(variables).filter(([name]) => !dropped.includes(name))),
    remarks,
  };
}

function hostNameOf(dockerHost: string): string {
  return /^\w+:\/\/([^:/]+)/.exec(dockerHost)?.[1] ?? "";
}
