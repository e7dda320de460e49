import type Docker from "dockerode";
import { gitlabScript } from "../gitlabScript.ts";
import { pull, runScript, runToEnd } from "./engine.ts";
import type { ScriptOutput } from "./engine.ts";

/** A job of the runner's docker executor. */
export interface DockerJob {
  readonly id: number;
  readonly image: string;
  readonly services: readonly string[];
  /** The project's, below /builds. */
  readonly folder: string;
  /** Commands of the runner's own stage. */
  readonly getSources: readonly string[];
  readonly script: readonly string[];
  readonly afterScript?: readonly string[] | undefined;
}

/** What stands in `[runners.docker]`, and above it. */
export interface DockerSettings {
  /** `environment`: variables of every job. */
  readonly environment: Readonly<Record<string, string>>;
  readonly helperImage: string;
  readonly isPrivileged: boolean;
  /** A volume that all containers share, or a file of the machine: `/certs/client`, `/file:/file:ro`. */
  readonly volumes: readonly string[];
}

export interface DockerJobResult {
  /** Of the script. */
  readonly exitCode: number;
  /** The engine's own name for itself. */
  readonly engineId: string;
  /** What the user's scripts said, without an order between the two: an engine's streams have none. */
  readonly stdout: string;
  readonly stderr: string;
  /** What the runner's own scripts said. */
  readonly runnerSaid: string;
}

interface Service {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly ports: readonly number[];
}

const CACHE_INIT = "/gitlab-runner-cache-init";
/** In the runner's order of shells. */
const FIND_SHELL = `for shell in /usr/local/bin/bash /usr/bin/bash /bin/bash /usr/local/bin/sh /usr/bin/sh /bin/sh /busybox/sh; do
  if [ -x "$shell" ]; then exec "$shell"; fi
done; echo "shell not found"; exit 1`;

/**
 * Does with one job what GitLab's runner does through its docker executor, call by call: volumes and their permissions, services
 * one after the other, a check of their ports, the helper's container for the runner's scripts and the job's for the user's, each
 * started anew for every script, and their removal.
 * Source: executors/docker of gitlab-runner 19.4.
 */
export async function runDockerJob(job: DockerJob, docker: Docker, settings: DockerSettings): Promise<DockerJobResult> {
  const { ID: engineId } = (await docker.info()) as { ID: string };
  await docker.version();
  const prefix = `runner-abc-project-${job.id}-concurrent-0-deadbeef`;
  const helper = await pull(docker, settings.helperImage);
  const { binds, created } = await makeVolumes([...settings.volumes, "/builds"], prefix, helper, docker);
  const host = { Privileged: settings.isPrivileged, Binds: [...binds], NetworkMode: "default" };

  const made: Docker.Container[] = [];
  const make = async (name: string, options: Docker.ContainerCreateOptions): Promise<Docker.Container> => {
    const container = await docker.createContainer({ name: `${prefix}-${name}`, ...options });
    made.push(container);
    return container;
  };
  try {
    const services: Service[] = [];
    for (const [index, image] of job.services.entries()) {
      const name = aliasOf(image);
      const Image = await pull(docker, image);
      services.push(await startService(name, await make(`${name}-${index}`, { Image, HostConfig: host })));
    }
    await Promise.all(services.map((service) => waitForService(service, helper, docker)));

    const ExtraHosts = services.flatMap(({ id, name, address }) => [`${id}:${address}`, `${name}:${address}`]);
    const shell = { AttachStdin: true, AttachStdout: true, AttachStderr: true, OpenStdin: true, StdinOnce: true };
    const ownShell = { ...shell, HostConfig: { ...host, ExtraHosts } };
    const predefined = await make("predefined", { ...ownShell, Image: helper, Cmd: ["gitlab-runner-build"] });
    const variables = variablesOf(job, settings);
    const Env = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    const scriptOf = (commands: readonly string[]): string =>
      gitlabScript({ variables, folder: folderOf(job), commands });
    const run = (container: Docker.Container, commands: readonly string[]): Promise<ScriptOutput> =>
      runScript(docker, container, scriptOf(commands));

    const ran = [
      await run(predefined, ["echo Running on $(hostname) via a runner..."]),
      await run(predefined, job.getSources),
    ];
    const Image = await pull(docker, job.image);
    const build = await make("build", { ...ownShell, Image, Cmd: ["sh", "-c", FIND_SHELL], Env });
    const scripts = [await run(build, job.script)];
    if (job.afterScript !== undefined) scripts.push(await run(build, job.afterScript));
    ran.push(await run(predefined, ["true"]));

    return {
      ...{ engineId, exitCode: scripts[0]?.exitCode ?? -1 },
      stdout: scripts.map(({ stdout }) => stdout).join(""),
      stderr: scripts.map(({ stderr }) => stderr).join(""),
      runnerSaid: ran.map(({ exitCode, stdout, stderr }) => `${stdout}${stderr}(${exitCode})\n`).join(""),
    };
  } finally {
    await Promise.all(made.map((container) => container.remove({ force: true, v: true })));
    await Promise.all(created.map((name) => docker.getVolume(name).remove({ force: true })));
  }
}

const folderOf = ({ folder }: DockerJob): string => `/builds/${folder}`;
const variablesOf = (job: DockerJob, { environment }: DockerSettings): Record<string, string> => ({
  ...environment,
  ...{ CI: "true", GITLAB_CI: "true", CI_JOB_ID: `${job.id}`, CI_PROJECT_DIR: folderOf(job) },
});

/** Of an image without a registry. */
const aliasOf = (image: string): string => image.replace(/:.*/, "").replaceAll("/", "__");

/** Makes a volume for each path that is not the machine's own, writable for all. */
async function makeVolumes(
  volumes: readonly string[],
  prefix: string,
  helper: string,
  docker: Docker,
): Promise<{ readonly binds: readonly string[]; readonly created: readonly string[] }> {
  const binds: string[] = [];
  const created: string[] = [];
  for (const volume of volumes) {
    if (volume.includes(":")) {
      binds.push(volume);
      continue;
    }
    const Name = `${prefix}-cache-${volume.replaceAll("/", "-")}`;
    await docker.createVolume({ Name });
    created.push(Name);
    await runToEnd(docker, {
      ...{ Image: helper, Cmd: ["gitlab-runner-helper", "cache-init", CACHE_INIT] },
      HostConfig: { Binds: [`${Name}:${CACHE_INIT}`] },
    });
    binds.push(`${Name}:${volume}`);
  }
  return { binds, created };
}

async function startService(name: string, container: Docker.Container): Promise<Service> {
  await container.start();
  const { Config, NetworkSettings } = await container.inspect();
  const ports = Object.keys(Config.ExposedPorts ?? {}).map((port) => Number.parseInt(port, 10));
  return { id: container.id.slice(0, 12), name, address: NetworkSettings.Networks["bridge"]?.IPAddress ?? "", ports };
}

/** Resolves when it has a port open; the helper waits for as long as `wait_for_services_timeout` says. */
function waitForService({ id, address, ports }: Service, helper: string, docker: Docker): Promise<void> {
  return runToEnd(docker, {
    ...{ Image: helper, Cmd: ["gitlab-runner-helper", "health-check"] },
    Env: [`WAIT_FOR_SERVICE_TCP_ADDR=${id}`, ...ports.map((port) => `WAIT_FOR_SERVICE_${port}_TCP_PORT=${port}`)],
    HostConfig: { ExtraHosts: [`${id}:${address}`] },
  });
}
