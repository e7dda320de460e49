import { createHash } from "node:crypto";
import type { CreateFleetCommandInput, CreateFleetCommandOutput } from "@aws-sdk/client-ec2";
import { CapacityError } from "../../domain/errors.ts";
import type { Ec2Shape } from "../../domain/shape.ts";
import type { LaunchSpec } from "../../ports/driver.ts";
import { errorFromCode, QuotaError } from "./errors.ts";
import type { Offering, PaidMarket } from "./offerings.ts";
import { tagsFrom } from "./tags.ts";
import type { Template } from "./template.ts";

/** One request for one machine. */
export interface FleetRequest {
  readonly owner: string;
  readonly spec: LaunchSpec;
  readonly shape: Ec2Shape;
  readonly token: string;
  readonly template: Template;
  readonly market: PaidMarket;
  readonly offerings: readonly Offering[];
  /** How many markets were asked before, in vain. */
  readonly attempt: number;
}

/**
 * Renders the request for one machine: EC2 itself chooses among the offerings.
 *
 * Each machine has a call of its own, though a fleet could bring many: what machines of one call share is their tags, their
 * token and their user data. Apart, the call itself says which machine the instance is, so that an answer that is lost loses
 * nothing; a token brings the same machine back; and no machine ever holds the host key of another. It costs one call a
 * machine, of the two that a machine may cost: addresses and ends are asked for together.
 */
export function fleetRequestFrom(request: FleetRequest) {
  const { owner, spec, shape, token, template, market, offerings, attempt } = request;
  const tags = tagsFrom(owner, spec, shape.tags);
  return {
    Type: "instant",
    ClientToken: clientTokenFrom(owner, token, attempt),
    TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: market },
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
          LaunchTemplateSpecificationUserData: Buffer.from(spec.seed.userData).toString("base64"),
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
  readonly instanceId?: string | undefined;
  readonly refusals: readonly Refusal[];
}

/** Why one offering, or every one when none is named, did not give a machine. */
export interface Refusal {
  readonly offering?: Offering | undefined;
  readonly error: Error;
}

/** Reads an answer: a fleet that could not be filled is no error to EC2, but a list of them. */
export function answerFrom(output: CreateFleetCommandOutput, offerings: readonly Offering[]): FleetAnswer {
  const instanceId = output.Instances?.flatMap(({ InstanceIds }) => InstanceIds ?? [])[0];
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
  return { instanceId, refusals };
}

/** Tells whether a refusal is one of the whole market. */
export const isQuota = ({ error }: Refusal): boolean => error instanceof QuotaError;
