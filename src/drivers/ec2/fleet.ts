import { createHash } from "node:crypto";
import type { CreateFleetCommandInput, CreateFleetCommandOutput } from "@aws-sdk/client-ec2";
import { CapacityError } from "../../domain/errors.ts";
import type { Ec2Shape } from "../../domain/shape.ts";
import { errorFromCode, QuotaError } from "./errors.ts";
import type { Offering, PaidMarket } from "./offerings.ts";
import { tagsFrom } from "./tags.ts";
import type { Launched } from "./tags.ts";
import type { Template } from "./template.ts";

/** One request. */
export interface FleetRequest extends Launched {
  readonly owner: string;
  readonly shape: Ec2Shape;
  /** cloud-init documents, the same to all instances. */
  readonly userData: string;
  /** How many instances are asked for: as many as there are machines, or as are missing after another market gave some. */
  readonly count: number;
  readonly template: Template;
  readonly market: PaidMarket;
  readonly offerings: readonly Offering[];
  /** How many markets were asked before, in vain. */
  readonly attempt: number;
}

/**
 * Renders the request for one machine or for several: EC2 itself chooses among the offerings.
 *
 * The instances of one call share their tags, their token and their user data. So the tags name all the machines of the call, and
 * which instance is which machine's is for the manager's store to say (pool/launch/launchTogether.ts); a token brings the same instances
 * back, whichever of the machines is still to have one; and each takes on its name and makes its host key at the first contact
 * (guest/seal.ts).
 */
export function fleetRequestFrom(request: FleetRequest) {
  const { owner, shape, token, userData, count, template, market, offerings, attempt } = request;
  const tags = tagsFrom(owner, request, shape.tags);
  return {
    Type: "instant",
    ClientToken: clientTokenFrom(owner, token, attempt),
    TargetCapacitySpecification: { TotalTargetCapacity: count, DefaultTargetCapacityType: market },
    ...(market === "spot"
      ? {
          SpotOptions: {
            AllocationStrategy: "price-capacity-optimized",
            InstanceInterruptionBehavior: "terminate",
          },
        }
      : { OnDemandOptions: { AllocationStrategy: "lowest-price" } }),
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: {
          LaunchTemplateName: template.name,
          Version: template.version,
          LaunchTemplateSpecificationUserData: Buffer.from(userData).toString("base64"),
        },
        Overrides: offerings.map(({ instanceType, subnet }) => ({
          InstanceType: instanceType as "m7i.large",
          SubnetId: subnet,
        })),
      },
    ],
    TagSpecifications: [
      { ResourceType: "instance", Tags: tags },
      { ResourceType: "volume", Tags: tags },
      // Asked for by policies that let us make only what bears our tag, as the one in terraform/ does.
      { ResourceType: "fleet", Tags: tags },
    ],
  } satisfies CreateFleetCommandInput;
}

/**
 * At most 64 characters. Another market is another request, but the token must not tell which: a manager that comes back may have
 * reason to begin with another one than the manager before it, whose instance no describe may show yet. Then EC2 refuses the
 * request as another one under this token, where it would launch a second instance under a new one.
 */
const clientTokenFrom = (owner: string, token: string, attempt: number): string =>
  createHash("sha256")
    .update(JSON.stringify([owner, token, attempt]))
    .digest("hex");

/** What one request came to. */
export interface FleetAnswer {
  /** At most as many as were asked for. */
  readonly instanceIds: readonly string[];
  readonly refusals: readonly Refusal[];
}

/** Why one offering, or every one when none is named, did not give a machine. */
export interface Refusal {
  readonly offering?: Offering | undefined;
  readonly error: Error;
}

/** Reads an answer: a fleet that could not be filled is no error to EC2, but a list of them. */
export function answerFrom(output: CreateFleetCommandOutput, offerings: readonly Offering[]): FleetAnswer {
  const instanceIds = (output.Instances ?? []).flatMap(({ InstanceIds }) => InstanceIds ?? []);
  const refusals = (output.Errors ?? []).map(
    ({ ErrorCode = "unknown", ErrorMessage = "", LaunchTemplateAndOverrides }) => {
      const { InstanceType, SubnetId } = LaunchTemplateAndOverrides?.Overrides ?? {};
      const offering = offerings.find((one) => one.instanceType === InstanceType && one.subnet === SubnetId);
      const error =
        errorFromCode(ErrorCode, ErrorMessage, "CreateFleet") ??
        new CapacityError("refused", `CreateFleet: ${ErrorCode}: ${ErrorMessage}`);
      return { offering, error };
    },
  );
  return { instanceIds, refusals };
}

/** Tells whether a refusal is one of the whole market. */
export const isQuota = ({ error }: Refusal): boolean => error instanceof QuotaError;
