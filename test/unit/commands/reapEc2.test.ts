import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { templateRequestFrom } from "../../../src/drivers/ec2/template.ts";
import type { InstanceView } from "../../../src/ports/manager.ts";
import { runCli } from "../../support/cli.ts";
import type { Outcome } from "../../support/cli.ts";
import { Cloud } from "../../support/ec2/cloud.ts";
import { startEndpoint } from "../../support/ec2/endpoint.ts";
import type { Endpoint } from "../../support/ec2/endpoint.ts";
import { shapeAt } from "../../support/ec2/lab.ts";

// The command line and the AWS SDK as they are, without a daemon, against an account in which something was left.

const OURS = { "mayfly:owner": "us" };

let folder: string;
let cloud: Cloud;
let endpoint: Endpoint;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-reap-ec2-"));
  cloud = new Cloud(() => Date.now());
  endpoint = await startEndpoint(cloud);
  await writeFile(
    join(folder, "mayfly.toml"),
    `name = "us"
state_dir = "${folder}/state"

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
});
afterEach(async () => {
  await endpoint.close();
  await rm(folder, { recursive: true, force: true });
});

const reap = (...options: string[]): Promise<Outcome> =>
  runCli(["machine", "reap", "--json", ...options, "-c", join(folder, "mayfly.toml")], {
    env: { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" },
  });

/** Puts the templates of the pool and one of settings that it had, all of long ago. */
function putTemplates(): void {
  const shape = shapeAt(endpoint.url);
  const requests = [
    templateRequestFrom("us", shape, "/dev/xvda", "spot"),
    templateRequestFrom("us", shape, "/dev/xvda", "on-demand"),
    templateRequestFrom("us", { ...shape, diskGiB: 8 }, "/dev/xvda", "spot"),
  ];
  for (const [number, { LaunchTemplateName: name }] of requests.entries())
    cloud.templates.push({ id: `lt-${number}`, name, data: {}, tags: OURS, createdAt: 0 });
}

it("shows what is left of machines and settings that are gone, and ends it when it is told to", async () => {
  putTemplates();
  cloud.parts.push({ kind: "volume", id: "vol-1", instanceId: undefined, tags: OURS, createdAt: 0 });

  const dry = await reap();
  const meant = await reap("--yes");

  const ids = (outcome: Outcome): string[] =>
    (JSON.parse(outcome.stdout) as InstanceView[]).map(({ providerId, outcome: end }) => `${providerId} ${end}`);
  expect(dry, dry.stderr).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("ends 2 strangers") });
  expect(ids(dry)).toEqual(["eu-central-1/vol-1 undefined", "eu-central-1/lt-2 undefined"]);
  expect(meant.exitCode, meant.stderr).toBe(0);
  expect(ids(meant)).toEqual(["eu-central-1/vol-1 ended", "eu-central-1/lt-2 ended"]);
  expect(cloud.templates.map(({ id }) => id)).toEqual(["lt-0", "lt-1"]);
  expect(cloud.parts).toEqual([]);
}, 90_000);
