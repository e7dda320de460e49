import { ConfigError, ConflictError, NotFoundError, TransientError } from "../../domain/errors.ts";
import type { Ec2Shape } from "../../domain/shape.ts";
import { machineIdFrom } from "../../domain/ids.ts";
import { createCalls } from "./calls.ts";
import type { CallEc2 } from "./calls.ts";
import type { Ec2Action } from "./client.ts";
import { createSdkClient } from "./client.ts";
import { describeOurs } from "./describe.ts";
import { isGone } from "./context.ts";
import { fleetRequestFrom } from "./fleet.ts";
import { offeringsOf } from "./offerings.ts";
import type { PaidMarket } from "./offerings.ts";
import type { Ec2Deps } from "./options.ts";
import { templateFrom, templateRequestFrom } from "./template.ts";

/** What one action came to. */
export interface ActionCheck {
  readonly action: Ec2Action;
  readonly isAllowed: boolean;
  /** One sentence. */
  readonly detail: string;
}

/** What is asked for by pools that keep stopped machines. */
const TIER_ACTIONS = ["StopInstances", "StartInstances"] as const;

/**
 * Tries every action that a pool needs, without making or ending anything: what reads is done, what writes is a dry run. Stops
 * early when the first answer tells that none will be another.
 * @param hasStopped whether the pool keeps stopped machines.
 */
export async function checkActions(
  owner: string,
  shape: Ec2Shape,
  hasStopped: boolean,
  deps: Ec2Deps,
  signal: AbortSignal,
): Promise<readonly ActionCheck[]> {
  const client = deps.connect?.(shape) ?? createSdkClient(shape);
  const call = createCalls(client, deps);
  const checks: ActionCheck[] = [];
  try {
    for (const [action, look] of looksFrom(call, owner, shape, hasStopped, signal)) {
      const { check, isHopeless } = await tryAction(action, look, signal);
      checks.push(check);
      if (isHopeless && checks.length === 1) break;
    }
  } finally {
    client.close();
  }
  return checks;
}

/** What the sweep of things that are left over asks for. */
const SWEEP_ACTIONS = [
  "DescribeVolumes",
  "DescribeNetworkInterfaces",
  "DescribeLaunchTemplates",
  "DescribeSnapshots",
] as const;
/** What only a pool that may have spot machines asks for: notices of interruptions, and prices. */
const SPOT_ACTIONS = ["DescribeSpotInstanceRequests", "DescribeSpotPriceHistory"] as const;

type Look = () => Promise<string>;

function looksFrom(
  call: CallEc2,
  owner: string,
  shape: Ec2Shape,
  hasStopped: boolean,
  signal: AbortSignal,
): readonly (readonly [action: Ec2Action, look: Look])[] {
  const DryRun = true;
  let rootDevice = "/dev/xvda";
  let ours: readonly string[] = [];
  let vpcs: readonly (string | undefined)[] = [];
  return [
    [
      "DescribeInstances",
      async () => {
        const live = (await describeOurs(call, owner, [], signal)).filter((instance) => !isGone(instance));
        ours = live.map(({ InstanceId = "" }) => InstanceId);
        return `${ours.length} instances of owner "${owner}" in ${shape.region}`;
      },
    ],
    [
      "DescribeImages",
      async () => {
        const { Images } = await call("DescribeImages", { ImageIds: [shape.ami] }, signal);
        const image = Images?.[0];
        if (image === undefined) throw noneOf("ami", shape.ami);
        rootDevice = image.RootDeviceName ?? rootDevice;
        return `${shape.ami} is ${image.Name ?? "an image without a name"}`;
      },
    ],
    [
      "DescribeSubnets",
      async () => {
        const { Subnets = [] } = await call("DescribeSubnets", { SubnetIds: [...shape.subnets] }, signal);
        vpcs = [...new Set(Subnets.map(({ VpcId }) => VpcId))];
        const zones = [...new Set(Subnets.map(({ AvailabilityZone }) => AvailabilityZone))];
        return `${Subnets.length} subnets in ${zones.join(", ")}`;
      },
    ],
    [
      "DescribeSecurityGroups",
      async () => {
        const GroupIds = [...shape.securityGroups];
        const { SecurityGroups = [] } = await call("DescribeSecurityGroups", { GroupIds }, signal);
        const stranger = SecurityGroups.find(({ VpcId }) => vpcs.some((vpc) => vpc !== VpcId));
        if (stranger === undefined) return `${SecurityGroups.length} groups in the VPC of the subnets`;
        const message = `Expected groups of VPC ${vpcs.join(", ")}, that of the subnets, got "${stranger.GroupId}" of ${stranger.VpcId}`;
        throw new ConfigError([{ place: "pool.ec2.security_groups", message }]);
      },
    ],
    ...[...SPOT_ACTIONS.filter(() => shape.market !== "on-demand"), ...SWEEP_ACTIONS].map(
      (action): readonly [Ec2Action, Look] => [
        action,
        async () => {
          await call(action, { DryRun }, signal);
          return "allowed";
        },
      ],
    ),
    [
      "CreateLaunchTemplate",
      async () => {
        await call(
          "CreateLaunchTemplate",
          { DryRun, ...templateRequestFrom(owner, shape, rootDevice, firstMarketOf(shape)) },
          signal,
        );
        return "allowed";
      },
    ],
    [
      "CreateFleet",
      async () => {
        await call("CreateFleet", { DryRun, ...launchFrom(owner, shape, rootDevice) }, signal);
        return "allowed";
      },
    ],
    ...[...(hasStopped ? TIER_ACTIONS : []), "TerminateInstances" as const].map(
      (action): readonly [Ec2Action, Look] => [
        action,
        async () => {
          // The policy is bound to our tag, so that only an instance of ours tells anything.
          const [InstanceId] = ours;
          if (InstanceId === undefined) return "not tried: there is no instance to try it on";
          await call(action, { DryRun, InstanceIds: [InstanceId] }, signal);
          return "allowed";
        },
      ],
    ),
  ];
}

const firstMarketOf = ({ market }: Ec2Shape): PaidMarket => (market === "on-demand" ? "on-demand" : "spot");

/** What a launch of the pool would ask for, its tags among it: the policy is bound to them. */
function launchFrom(owner: string, shape: Ec2Shape, rootDevice: string) {
  const machineIds = [machineIdFrom("m-dry-run")];
  const launched = { machineIds, poolName: "dry-run", token: "dry-run", userData: "#cloud-config\n", count: 1 };
  const market = firstMarketOf(shape);
  const template = templateFrom(templateRequestFrom(owner, shape, rootDevice, market));
  const offerings = offeringsOf(shape, (subnet) => subnet);
  return fleetRequestFrom({ owner, ...launched, shape, template, market, offerings, attempt: 0 });
}

async function tryAction(
  action: Ec2Action,
  look: Look,
  signal: AbortSignal,
): Promise<{ readonly check: ActionCheck; readonly isHopeless: boolean }> {
  try {
    return { check: { action, isAllowed: true, detail: await look() }, isHopeless: false };
  } catch (error) {
    signal.throwIfAborted();
    if (isPassed(error)) return { check: { action, isAllowed: true, detail: "allowed" }, isHopeless: false };
    const detail = error instanceof Error ? error.message : String(error);
    const isHopeless = error instanceof ConfigError || error instanceof TransientError;
    return { check: { action, isAllowed: false, detail }, isHopeless };
  }
}

/**
 * A dry run that would have succeeded is an error to EC2. So is a template that no launch has made yet, which says no more than
 * that; the call before told whether it may be made.
 */
const isPassed = (error: unknown): boolean =>
  (error instanceof ConflictError && error.code === "dry-run-operation") || error instanceof NotFoundError;

const noneOf = (key: string, value: string): ConfigError =>
  new ConfigError([{ place: `pool.ec2.${key}`, message: `Expected one that this account may use, got "${value}"` }]);
