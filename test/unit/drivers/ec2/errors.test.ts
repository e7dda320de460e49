import { expect, it } from "vitest";
import { ConfigError, MayflyError } from "../../../../src/domain/errors.ts";
import { errorFrom } from "../../../../src/drivers/ec2/errors.ts";

/** An error as the AWS SDK throws it. */
const sdkError = (name: string, message = "words", httpStatusCode = 400): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });
const nodeError = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code });

it.each([
  ["InsufficientInstanceCapacity", "CapacityError"],
  ["UnfulfillableCapacity", "CapacityError"],
  ["InsufficientFreeAddressesInSubnet", "CapacityError"],
  ["Unsupported", "CapacityError"],
  ["MaxSpotInstanceCountExceeded", "QuotaError"],
  ["VcpuLimitExceeded", "QuotaError"],
  ["InstanceLimitExceeded", "QuotaError"],
  ["MaxFleetCountExceeded", "QuotaError"],
  ["RequestLimitExceeded", "ThrottleError"],
  ["InternalError", "TransientError"],
  ["TimeoutError", "TransientError"],
  ["InvalidInstanceID.NotFound", "NotFoundError"],
  ["InvalidInstanceID.Malformed", "NotFoundError"],
  ["InvalidLaunchTemplateName.NotFoundException", "NotFoundError"],
  ["InvalidLaunchTemplateName.AlreadyExistsException", "ConflictError"],
  ["IdempotentParameterMismatch", "ConflictError"],
  ["UnauthorizedOperation", "RefusedError"],
  ["SomethingNobodyKnows", "RefusedError"],
])("takes %s for a %s", (code, name) => {
  expect(errorFrom(sdkError(code), "CreateFleet")).toMatchObject({ name, cause: { name: code } });
});

it("takes every answer of a server in trouble for one that passes", () => {
  expect(errorFrom(sdkError("Odd", "words", 503), "CreateFleet")).toMatchObject({ name: "TransientError" });
});

it.each(["ECONNRESET", "ETIMEDOUT"])("takes %s for one that passes", (code) => {
  expect(errorFrom(nodeError(code), "DescribeInstances")).toMatchObject({ name: "TransientError" });
});

it.each([
  ["ECONNREFUSED", nodeError("ECONNREFUSED")],
  ["EAI_AGAIN", nodeError("EAI_AGAIN")],
  [
    "a connection that did not come about in time",
    sdkError(
      "TimeoutError",
      "the request socket did not establish a connection with the server within the configured timeout of 5000 ms.",
    ),
  ],
])("knows that nothing came of a request that met %s", (_what, error) => {
  expect(errorFrom(error, "CreateFleet")).toMatchObject({ name: "NoEffectError" });
});

it.each([
  [sdkError("InvalidAMIID.NotFound"), "pool.ec2.ami"],
  [sdkError("InvalidSubnetID.NotFound"), "pool.ec2.subnets"],
  [sdkError("InvalidGroup.NotFound"), "pool.ec2.security_groups"],
  [sdkError("InvalidInstanceType"), "pool.ec2.instance_types"],
  [sdkError("AuthFailure", "no", 401), "pool.ec2.profile"],
  [sdkError("RequestExpired", "Request has expired."), "pool.ec2.profile"],
  [sdkError("CredentialsProviderError"), "pool.ec2.profile"],
  [nodeError("ENOTFOUND"), "pool.ec2.region"],
  [
    sdkError("InvalidParameter", "Security group sg-1 and subnet subnet-2 belong to different networks."),
    "pool.ec2.subnets",
  ],
])("names the setting behind %s", (error, place) => {
  const classified = errorFrom(error, "CreateFleet");

  expect(classified).toBeInstanceOf(ConfigError);
  expect((classified as ConfigError).problems).toMatchObject([{ place }]);
});

it("names the denied action and the statement that grants it, and nothing of what EC2 said beside", () => {
  const { message } = errorFrom(sdkError("UnauthorizedOperation", "account 123456789012"), "CreateFleet") as Error;

  expect(message).toBe(
    'AWS does not allow ec2:CreateFleet to these credentials: statement "LaunchMachines" of the policy in terraform/ grants it',
  );
});

it.each([
  ["ec2:RunInstances", "LaunchMachines"],
  ["iam:PassRole", "PassMachineRole"],
  ["ec2:CreateTags", "TagAtLaunch"],
])("names %s, which a fleet is denied on the way", (named, statement) => {
  const words = `You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ${named} on resource: arn:aws:x because no policy allows it. Encoded authorization failure message: abc`;

  const { message } = errorFrom(sdkError("UnauthorizedOperation", words), "CreateFleet") as Error;

  expect(message).toBe(
    `AWS does not allow ${named} to these credentials: statement "${statement}" of the policy in terraform/ grants it`,
  );
});

it("says in one line what was said in several", () => {
  const { message } = errorFrom(sdkError("CredentialsProviderError", "The token\n is gone."), "CreateFleet") as Error;

  expect(message).toBe(
    "pool.ec2.profile: the AWS SDK finds no credentials (CreateFleet: CredentialsProviderError: The token is gone.)",
  );
});

it("leaves our own errors, and bugs, as they are", () => {
  class Ours extends MayflyError {}
  const ours = new Ours("ours", "ours");
  const bug = new TypeError("x is not a function");

  expect(errorFrom(ours, "CreateFleet")).toBe(ours);
  expect(errorFrom(bug, "CreateFleet")).toBe(bug);
});
