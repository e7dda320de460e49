import { DescribeImagesCommand, DescribeSecurityGroupsCommand, DescribeSubnetsCommand } from "@aws-sdk/client-ec2";
import { CreateSubnetCommand, CreateVpcCommand, EC2Client } from "@aws-sdk/client-ec2";
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import { systemRandom as random } from "../../src/daemon/random.ts";
import type { Ec2Shape } from "../../src/domain/shape.ts";
import { checkActions } from "../../src/drivers/ec2/check.ts";
import type { ActionCheck } from "../../src/drivers/ec2/check.ts";
import { shapeAt, useTestCredentials } from "../support/ec2/lab.ts";
import { startMoto } from "../support/ec2/moto.ts";
import type { Moto } from "../support/ec2/moto.ts";
import { silentLogger } from "../support/jobs.ts";

// The words and codes of an independent EC2 for what our own endpoint was written to refuse.

let moto: Moto;
let shape: Ec2Shape;
let otherSubnet: string;

beforeAll(async () => {
  useTestCredentials();
  moto = await startMoto();
  const client = new EC2Client({ region: "eu-central-1", endpoint: moto.url });
  const { Images } = await client.send(new DescribeImagesCommand({}));
  const { Subnets = [] } = await client.send(new DescribeSubnetsCommand({}));
  const { SecurityGroups } = await client.send(new DescribeSecurityGroupsCommand({}));
  shape = {
    ...shapeAt(moto.url),
    ami: Images?.[0]?.ImageId ?? "",
    subnets: Subnets.map(({ SubnetId = "" }) => SubnetId),
    securityGroups: SecurityGroups?.map(({ GroupId = "" }) => GroupId) ?? [],
    market: "on-demand",
  };
  const { Vpc } = await client.send(new CreateVpcCommand({ CidrBlock: "10.9.0.0/16" }));
  const { Subnet } = await client.send(new CreateSubnetCommand({ VpcId: Vpc?.VpcId, CidrBlock: "10.9.1.0/24" }));
  otherSubnet = Subnet?.SubnetId ?? "";
  client.destroy();
}, 180_000);
afterAll(() => moto.close());

const failures = async (wrong: Partial<Ec2Shape>): Promise<readonly ActionCheck[]> => {
  const deps = { clock, random, logger: silentLogger };
  const checks = await checkActions("us", { ...shape, ...wrong }, false, deps, AbortSignal.timeout(60_000));
  return checks.filter(({ isAllowed }) => !isAllowed);
};

it.each([
  ["DescribeImages", () => ({ ami: "ami-00000000000000000" }), /^pool\.ec2\.ami: .*ami-00000000000000000/],
  ["DescribeSubnets", () => ({ subnets: ["subnet-00000000"] }), /^pool\.ec2\.subnets: .*subnet-00000000/],
  ["DescribeSecurityGroups", () => ({ securityGroups: ["sg-00000000"] }), /^pool\.ec2\.security_groups: .*sg-00000000/],
  [
    "DescribeSecurityGroups",
    () => ({ subnets: [otherSubnet] }),
    /^pool\.ec2\.security_groups: Expected groups of VPC vpc-/,
  ],
] as const)("%s tells a wrong setting by its name", async (action, wrong, line) => {
  expect(await failures(wrong())).toEqual([{ action, isAllowed: false, detail: expect.stringMatching(line) }]);
});

it("tells wrong credentials, and what those of a user are not allowed", async () => {
  const user = await createUser("ci", ["ec2:Describe*", "ec2:CreateLaunchTemplate"]);
  const enforced = await fetch(`${moto.url}/moto-api/reset-auth`, { method: "POST", body: "0" });
  const wrong = await failures({});
  process.env["AWS_ACCESS_KEY_ID"] = user.id;
  process.env["AWS_SECRET_ACCESS_KEY"] = user.secret;
  const denied = await failures({});

  expect(enforced.ok).toBe(true);
  expect(wrong).toEqual([
    {
      action: "DescribeInstances",
      isAllowed: false,
      detail: expect.stringMatching(/^pool\.ec2\.profile: AWS does not accept/),
    },
  ]);
  expect(denied).toEqual([
    {
      action: "CreateFleet",
      isAllowed: false,
      detail: expect.stringMatching(/ec2:CreateFleet .*statement "LaunchMachines"/),
    },
  ]);
});

/** Makes a user that may do some things, through moto's IAM, which asks for no credentials yet. */
async function createUser(name: string, actions: readonly string[]): Promise<{ id: string; secret: string }> {
  const policy = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: actions, Resource: "*" }] };
  await askIam({ Action: "CreateUser", UserName: name });
  await askIam({ Action: "PutUserPolicy", UserName: name, PolicyName: "p", PolicyDocument: JSON.stringify(policy) });
  const key = await askIam({ Action: "CreateAccessKey", UserName: name });
  const fieldOf = (tag: string): string => new RegExp(`<${tag}>([^<]+)<`).exec(key)?.[1] ?? "";
  return { id: fieldOf("AccessKeyId"), secret: fieldOf("SecretAccessKey") };
}

async function askIam(fields: Readonly<Record<string, string>>): Promise<string> {
  const answer = await fetch(moto.url, {
    method: "POST",
    headers: {
      // Moto reads the service in it, and until it is told to, no more.
      authorization:
        "AWS4-HMAC-SHA256 Credential=test/20261101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0",
      "content-type": "application/x-www-form-urlencoded",
    },
    body: new URLSearchParams({ Version: "2010-05-08", ...fields }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${fields["Action"]}: ${answer.status}: ${text}`);
  return text;
}
