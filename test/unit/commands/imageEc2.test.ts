import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readRecipe, recipeDigestFrom } from "../../../src/drivers/ec2/image/recipe.ts";
import { runCli } from "../../support/cli.ts";
import type { CliOptions, Outcome } from "../../support/cli.ts";
import { Cloud } from "../../support/ec2/cloud.ts";
import { startEndpoint } from "../../support/ec2/endpoint.ts";
import type { Endpoint } from "../../support/ec2/endpoint.ts";

// The command line as it is, against an account whose instances are records: nobody answers at their addresses.

const STOCK = "ami-0123456789abcdef0";
const BUILT_AT = Date.parse("2026-11-01T12:00:00Z");

let folder: string;
let cloud: Cloud;
let endpoint: Endpoint;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-image-"));
  cloud = new Cloud(() => Date.now());
  endpoint = await startEndpoint(cloud);
  await configure(STOCK);
});
afterEach(async () => {
  await endpoint.close();
  await rm(folder, { recursive: true, force: true });
});

const configure = (ami: string): Promise<void> =>
  writeFile(
    join(folder, "mayfly.toml"),
    `name = "us"
state_dir = "${folder}/state"

[[pool]]
name = "local"

[[pool]]
name = "cloud"
driver = "ec2"

[pool.guest]
engine = "install"

[pool.ec2]
region = "eu-central-1"
endpoint = "${endpoint.url}"
ami = "${ami}"
instance_types = ["m7i.large"]
subnets = ["subnet-0000000000000000a"]
security_groups = ["sg-0123456789abcdef0"]
`,
  );

/** Puts an image into the account as a build leaves it. */
async function putImage(id: string, name = "cloud", owner = "us"): Promise<void> {
  const digest = recipeDigestFrom(await readRecipe(), STOCK, 30);
  const tags = { "mayfly:owner": owner, "mayfly:image": name, "mayfly:recipe": digest, "mayfly:base": STOCK };
  const snapshotId = id.replace("ami", "snap");
  cloud.snapshots.push({ id: snapshotId, tags, startedAt: BUILT_AT });
  cloud.prepared.push({
    id,
    name: `mayfly ${id}`,
    tags,
    createdAt: BUILT_AT,
    availableAt: 0,
    hasFailed: false,
    snapshotId,
  });
}

const mayfly = (args: readonly string[], onStart?: CliOptions["onStart"]): Promise<Outcome> =>
  runCli([...args, "-c", join(folder, "mayfly.toml")], {
    env: { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" },
    ...(onStart === undefined ? {} : { onStart }),
  });
const BUILD = ["image", "build", "--driver", "ec2", "--pool", "cloud"];

describe("image build --driver ec2", () => {
  it("skips an unchanged recipe and prints the lines of the config", async () => {
    await putImage("ami-00000000000000001");

    const { exitCode, stdout, stderr } = await mayfly(BUILD);

    expect(exitCode, stderr).toBe(0);
    expect(stdout).toBe(
      'ami = "ami-00000000000000001"   # [pool.ec2] of pool "cloud"\nengine = "baked"   # [pool.guest] of pool "cloud"\n',
    );
    expect(stderr).toContain(
      "Building EC2 image cloud: skipped: unchanged recipe, ami-00000000000000001 was built before",
    );
    expect(cloud.instances).toEqual([]);
  });

  it("tells programs the same as JSON", async () => {
    await putImage("ami-00000000000000001");

    const { stdout } = await mayfly([...BUILD, "--json"]);

    expect(JSON.parse(stdout)).toMatchObject({
      ...{ amiId: "ami-00000000000000001", name: "cloud", baseAmi: STOCK, region: "eu-central-1", isNew: false },
      ...{ removed: [], configLines: [expect.stringContaining("ami-00000000000000001"), expect.any(String)] },
    });
  });

  it("ends its builder on Ctrl-C, and says so with 130", async () => {
    const { exitCode, stdout, stderr } = await mayfly(BUILD, whenBuilding("SIGINT"));

    expect(exitCode, stderr).toBe(130);
    expect(stdout).toBe("");
    expect(cloud.instances).toHaveLength(1);
    expect(cloud.live()).toEqual([]);
  });

  it("leaves a builder that bears our tags and its deadline when it is killed", async () => {
    const killedAt = Date.now();
    await mayfly(BUILD, whenBuilding("SIGKILL"));

    const [builder] = cloud.live();
    expect(builder?.tags).toMatchObject({ "mayfly:owner": "us", "mayfly:pool": "cloud" });
    const deadline = Date.parse(builder?.tags["mayfly:builder"] ?? "");
    expect(deadline - killedAt).toBeGreaterThan(0);
    expect(deadline - killedAt).toBeLessThan(3 * 3_600_000);
  });

  it("names a denied action and what grants it, and leaves nothing", async () => {
    cloud.denied.add("CreateFleet");

    const { exitCode, stderr } = await mayfly(BUILD);

    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/^mayfly: AWS does not allow ec2:CreateFleet .*statement "LaunchMachines"/m);
    expect(cloud.instances).toEqual([]);
  });
});

describe("image list and remove --driver ec2", () => {
  it("show the images of ours, and which pool uses them", async () => {
    await putImage("ami-00000000000000001");
    await putImage("ami-00000000000000002", "cloud", "them");
    await configure("ami-00000000000000001");

    const { exitCode, stdout } = await mayfly(["image", "list", "--driver", "ec2"]);

    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^image +name +region +built +state +from +pools$/m);
    expect(stdout).toMatch(
      /^ami-00000000000000001 +cloud +eu-central-1 +2026-11-01T12:00:00Z +available +ami-0123456789abcdef0 +cloud$/m,
    );
    expect(stdout).not.toContain("ami-00000000000000002");
  });

  it("remove an image by its id, snapshot and all", async () => {
    await putImage("ami-00000000000000001");

    const { exitCode, stdout } = await mayfly(["image", "remove", "--driver", "ec2", "ami-00000000000000001"]);

    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "ami-00000000000000001\n" });
    expect([cloud.prepared, cloud.snapshots]).toEqual([[], []]);
  });
});

describe("wrong usage", () => {
  it.each<[readonly string[], RegExp]>([
    [
      ["build", "--driver", "ec2"],
      /^mayfly: --pool: Expected the name of a pool of driver "ec2" \(cloud\), got none\n$/,
    ],
    [
      ["build", "--driver", "ec2", "--pool", "local"],
      /^mayfly: --pool: Expected the name of a pool of driver "ec2" \(cloud\), got "local"\n$/,
    ],
    [[...BUILD.slice(1), "--keep", "0"], /^mayfly: --keep: Expected an integer ≥ 1, got "0"\n$/],
    [[...BUILD.slice(1), "--load", "x.tar"], /^mayfly: --load: is an option of --driver qemu alone\n$/],
    [["build", "--pool", "cloud"], /^mayfly: --pool: is an option of --driver ec2 alone\n$/],
    [["list", "--driver", "gce"], /^mayfly: option '--driver <driver>' argument 'gce' is invalid/],
  ])("%j ends with 2 and says what is wrong", async (args, message) => {
    const { exitCode, stdout, stderr } = await mayfly(["image", ...args]);

    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toMatch(message);
  });
});

/** Signals a build once its builder is on its way up. */
const whenBuilding =
  (signal: NodeJS.Signals) =>
  (child: ChildProcess): void => {
    // Of all looks the last is for the builder's address.
    const timer = setInterval(() => {
      if (cloud.countOf("CreateFleet") === 0 || cloud.calls.at(-1)?.action !== "DescribeInstances") return;
      clearInterval(timer);
      child.kill(signal);
    }, 50);
    child.once("close", () => clearInterval(timer));
  };
