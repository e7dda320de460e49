import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { PipelineReport } from "../../src/ci/report.ts";
import { runCli } from "../support/cli.ts";
import type { CliOptions, Outcome } from "../support/cli.ts";
import { Cloud } from "../support/ec2/cloud.ts";
import { startEndpoint } from "../support/ec2/endpoint.ts";
import type { Endpoint } from "../support/ec2/endpoint.ts";
import { startRealMachines } from "../support/ec2/machines.ts";
import type { RealMachines } from "../support/ec2/machines.ts";
import { startDaemonProcess } from "../support/daemon.ts";
import { until } from "../support/until.ts";

// The command line, the EC2 driver and the AWS SDK as they are, against an endpoint whose instances are real machines.

const PIPELINE = `sudo:
  script:
    - echo "I am $(sudo -n id -un) on $(hostname)"
docker:
  script:
    - docker run --rm mayfly/busybox echo "a container on a machine of the cloud"
`;
const MINUTE_MS = 60_000;

let folder: string;
let cloud: Cloud;
let endpoint: Endpoint;
let machines: RealMachines;

beforeEach(async () => {
  const imagesDir = process.env["MAYFLY_TEST_IMAGES_DIR"];
  if (imagesDir === undefined) throw new Error("MAYFLY_TEST_IMAGES_DIR is not set: run the integration tier");
  folder = await mkdtemp(join(tmpdir(), "mayfly-ec2-cli-"));
  cloud = new Cloud(() => Date.now());
  machines = await startRealMachines(cloud, imagesDir);
  endpoint = await startEndpoint(cloud);
  await writeConfig();
});
afterEach(async () => {
  await endpoint.close();
  await machines.close();
  await rm(folder, { recursive: true, force: true });
});

const CREDENTIALS = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };
const configPath = (): string => join(folder, "mayfly.toml");

async function writeConfig({ ami = "ami-0123456789abcdef0", ec2 = "", pool = "" } = {}): Promise<void> {
  await writeFile(
    configPath(),
    `name = "cloud-ci"
state_dir = "${folder}/state"
max_machines = 2

[[pool]]
name = "cloud"
driver = "ec2"
boot_timeout = "10m"
${pool}

[pool.ec2]
region = "eu-central-1"
endpoint = "${endpoint.url}"
ami = "${ami}"
instance_types = ["m7i.large"]
subnets = ["subnet-0000000000000000a", "subnet-0000000000000000b", "subnet-0000000000000000c"]
security_groups = ["sg-0123456789abcdef0"]
${ec2}
`,
  );
}

const mayfly = (args: readonly string[], onStart?: CliOptions["onStart"]): Promise<Outcome> =>
  runCli(args, { env: { ...CREDENTIALS, MAYFLY_CONFIG: configPath() }, ...(onStart === undefined ? {} : { onStart }) });

it("runs each job of a pipeline on a machine of its own from EC2, and leaves none", async () => {
  for (const zone of ["eu-central-1a", "eu-central-1b"]) cloud.settings.room.set(`spot m7i.large ${zone}`, 0);
  await writeFile(join(folder, ".gitlab-ci.yml"), PIPELINE);

  const { exitCode, stdout, stderr } = await mayfly(["ci", join(folder, ".gitlab-ci.yml"), "--json"]);

  expect(exitCode, stderr).toBe(0);
  const { jobs } = JSON.parse(stdout) as PipelineReport;
  expect(new Set(jobs.map(({ machineId }) => machineId)).size).toBe(2);
  // The two may have come by one call, whose tags name both.
  const tagged = cloud.instances.flatMap(({ tags }) => (tags["mayfly:machine"] ?? "").split(" "));
  expect(tagged).toEqual(expect.arrayContaining(jobs.map(({ machineId }) => machineId)));
  expect(stderr).toMatch(/I am root on m-/);
  expect(stderr).toContain("a container on a machine of the cloud");
  expect(cloud.instances.map(({ zone }) => zone)).toEqual(cloud.instances.map(() => "eu-central-1c"));
  await until("every instance is gone", MINUTE_MS, async () => cloud.live().length === 0);
  expect(await machines.leftovers()).toEqual([]);
});

it("tells that the machine was lost when the spot market takes it back in the middle of a job", async () => {
  const begun = Promise.withResolvers<void>();
  const running = mayfly(["run", "--", "sh", "-c", "echo begun; sleep 600"], (child) => {
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => {
        if (chunk.includes("begun")) begun.resolve();
      });
    child.once("close", () => begun.reject(new Error("the job never began")));
  });
  begun.promise.catch(() => undefined);
  await begun.promise.catch(async (error: unknown) => {
    throw new Error(`${error}: ${(await running).stderr}`);
  });

  for (const { id } of cloud.live()) cloud.interrupt(id);
  const { exitCode, stderr } = await running;

  expect(exitCode, stderr).toBe(3);
  expect(stderr).toMatch(/machine .* was lost/);
  await until("every instance is gone", MINUTE_MS, async () => cloud.live().length === 0);
});

it("stops a machine once it is ready, and starts it for a job", async () => {
  await writeConfig({ pool: "idle_count = 0\nstopped_count = 1\nmax_machines = 1", ec2: 'market = "on-demand"' });
  const daemon = startDaemonProcess(configPath(), CREDENTIALS);
  try {
    await until("a machine stands by, stopped", 5 * MINUTE_MS, async () =>
      cloud.instances.some((instance) => cloud.stateOf(instance) === "stopped"),
    );
    const processes = (await machines.leftovers()).filter((what) => what.startsWith("process"));
    expect(processes).toEqual([]);

    const { exitCode, stdout, stderr } = await mayfly([
      "run",
      "--json",
      "--",
      "docker",
      "info",
      "--format",
      "{{.Driver}}",
    ]);

    expect(exitCode, stderr).toBe(0);
    const { machineId } = JSON.parse(stdout) as { machineId: string };
    expect(cloud.instances[0]?.tags["mayfly:machine"]).toBe(machineId);
    expect(cloud.countOf("StartInstances")).toBeGreaterThan(0);
  } finally {
    await daemon.stop("SIGTERM");
  }
  await until("every instance is gone", MINUTE_MS, async () => cloud.live().length === 0);
  expect(await machines.leftovers()).toEqual([]);
});
