import { Readable } from "node:stream";
import type { JobImage, JobService } from "../../domain/job.ts";
import type { JobPlace } from "../../domain/jobProgress.ts";
import type { Channel } from "../../ports/channel.ts";
import type { PrepareContext } from "../prepare.ts";
import { quoteForShell } from "../script.ts";
import { jobVariables } from "../variables.ts";
import { AS_ROOT, runOnMachine } from "../workspace.ts";
import { GATE, PIPE_NAME, SCRIPT_MOUNT, SHELL_COMMAND } from "./containerShell.ts";
import { planDocker } from "./dockerMode.ts";
import { provideImage } from "./pull.ts";
import { taggedName } from "./reference.ts";
import { servicesTimeoutMs, startServices, waitForServices } from "./services.ts";

/** Makes a job's container, its network and its services. The container is created, not started. */
export async function prepareContainer(
  image: JobImage,
  jobDir: string,
  { spec, machine, deps, folders, meter, notes }: PrepareContext,
  signal: AbortSignal,
): Promise<JobPlace> {
  const { engine, channel, guestSettings } = machine;
  const runName = deps.random.id("mayfly");
  const filesDir = `${folders.scratch}/.${runName}`;
  const scriptDir = `${filesDir}/script`;
  const mirror = guestSettings.registryMirror;
  const daemonConfig = mirror === undefined ? undefined : `${filesDir}/daemon.json`;
  const variables = jobVariables(spec, jobDir, folders.builds);
  const docker = planDocker(guestSettings.docker, spec.services, variables, `${runName}-certs`, daemonConfig);

  await notes.section(`Using Docker executor with image ${image.name} ...`);
  for (const remark of docker.remarks) {
    await notes.line(remark);
  }
  const pullDeps = {
    engine,
    clock: deps.clock,
    notes,
    authConfig: variables["DOCKER_AUTH_CONFIG"],
    logins: spec.registryLogins,
  };
  const labels = { "mayfly.job": spec.name };
  const builds = `${folders.builds}:${folders.builds}`;
  const { services, container } = await meter.measure("pulled", () =>
    allOrNone(signal, async (shared) => {
      await makeFolders({ builds: folders.builds, jobDir, filesDir, scriptDir, mirror }, channel, shared);
      const [network, facts, imageFacts] = await Promise.all([
        engine.createNetwork(runName, shared),
        Promise.all(docker.services.map(({ name, pullPolicy }) => provideImage(name, pullPolicy, pullDeps, shared))),
        provideImage(image.name, image.pullPolicy, pullDeps, shared),
      ]);
      const created = await engine.createContainer(
        {
          name: `${runName}-build`,
          image: taggedName(image.name),
          entrypoint: GATE,
          command: [...(image.entrypoint ?? imageFacts.entrypoint).filter((word) => word !== ""), ...SHELL_COMMAND],
          env: docker.variables,
          user: image.user,
          binds: [builds, `${scriptDir}:${SCRIPT_MOUNT}:ro`, ...docker.jobBinds],
          network: runName,
          aliases: ["build"],
          extraHosts: docker.machineNames.map((name) => `${name}:${network.gateway}`),
          isPrivileged: docker.isPrivileged,
          hasStdin: false,
          labels,
        },
        shared,
      );
      const withImages = facts.map((fact, index) => ({ service: docker.services[index] as JobService, facts: fact }));
      return { services: withImages, container: created };
    }),
  );
  const place = { jobDir, container: { id: container.id, scriptDir } };
  if (services.length === 0) {
    return place;
  }
  const started = await meter.measure("services", async () => {
    const surroundings = {
      namePrefix: runName,
      env: docker.variables,
      binds: [builds, ...docker.serviceBinds],
      network: runName,
      isPrivileged: docker.isPrivileged,
      labels,
    };
    const startedAt = deps.clock.now();
    const all = await startServices(services, surroundings, { engine, notes }, signal);
    const timeoutMs = servicesTimeoutMs(deps.clock.now() - startedAt);
    await waitForServices(all, timeoutMs, { channel, notes }, signal);
    return all;
  });
  const served = started.map(({ service, container: { id } }) => ({ name: service.name, containerId: id }));
  return { ...place, services: served };
}

interface ContainerFolders {
  readonly builds: string;
  readonly jobDir: string;
  readonly filesDir: string;
  readonly scriptDir: string;
  readonly mirror: string | undefined;
}

/** The image's user is not the machine's: the job's folder is open to all, as with GitLab's runner. */
async function makeFolders(folders: ContainerFolders, channel: Channel, signal: AbortSignal): Promise<void> {
  const { builds, jobDir, filesDir, scriptDir, mirror } = folders;
  const config = JSON.stringify(mirror === undefined ? {} : { "registry-mirrors": [mirror] });
  const command = `${AS_ROOT}; as_root install -d -m 777 -- ${quoteForShell(builds)} ${quoteForShell(jobDir)} &&
umask 022 && mkdir -p -- ${quoteForShell(scriptDir)} && mkfifo -m 666 -- ${quoteForShell(`${scriptDir}/${PIPE_NAME}`)} && cat >${quoteForShell(`${filesDir}/daemon.json`)}`;
  await runOnMachine(channel, command, Readable.from([Buffer.from(config)]), signal);
}

/** When the work fails, what it still has going is aborted. */
async function allOrNone<T>(signal: AbortSignal, work: (shared: AbortSignal) => Promise<T>): Promise<T> {
  const failed = new AbortController();
  try {
    return await work(AbortSignal.any([signal, failed.signal]));
  } catch (error) {
    failed.abort(error);
    throw error;
  }
}
