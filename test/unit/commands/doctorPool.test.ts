import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { runCli } from "../../support/cli.ts";
import type { Outcome } from "../../support/cli.ts";
import { Cloud } from "../../support/ec2/cloud.ts";
import { startEndpoint } from "../../support/ec2/endpoint.ts";
import type { Endpoint } from "../../support/ec2/endpoint.ts";

let folder: string;
let cloud: Cloud;
let endpoint: Endpoint;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-doctor-"));
  cloud = new Cloud(() => Date.now());
  endpoint = await startEndpoint(cloud);
});
afterEach(async () => {
  await endpoint.close();
  await rm(folder, { recursive: true });
});

async function doctor(pool: string): Promise<Outcome> {
  const config = join(folder, "mayfly.toml");
  await writeFile(
    config,
    `state_dir = "${folder}/state"
[[pool]]
name = "local"
[[pool]]
name = "cloud"
driver = "ec2"
[pool.ec2]
region = "eu-central-1"
endpoint = "${endpoint.url}"
ami = "ami-0123456789abcdef0"
instance_types = ["m7i.large"]
subnets = ["subnet-0000000000000000a"]
security_groups = ["sg-0123456789abcdef0"]
`,
  );
  const env = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };
  return runCli(["doctor", "--pool", pool, "--config", config], { env });
}

it("tries what a pool of EC2 machines needs of its account, and asks nothing of this host for it", async () => {
  const { exitCode, stdout } = await doctor("cloud");

  expect(stdout).toMatch(/✔ cloud CreateFleet +allowed/);
  expect(stdout).not.toContain("accelerator");
  expect(exitCode).toBe(0);
});

it("fails with the statement that is missing", async () => {
  cloud.denied.add("CreateFleet");

  const { exitCode, stdout } = await doctor("cloud");

  expect(stdout).toMatch(/✖ cloud CreateFleet .*statement "LaunchMachines"/);
  expect(exitCode).toBe(3);
});

it("names the pools there are when it is asked for another", async () => {
  expect(await doctor("clod")).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('there is no pool "clod"; there are: local, cloud'),
  });
});
