import { createHash } from "node:crypto";
import type { CreateLaunchTemplateCommandInput, RequestLaunchTemplateData } from "@aws-sdk/client-ec2";
import { ConfigError, ConflictError, NotFoundError } from "../../domain/errors.ts";
import type { Ec2Shape } from "../../domain/shape.ts";
import { askOnce } from "./context.ts";
import type { SiteContext } from "./context.ts";
import type { PaidMarket } from "./offerings.ts";
import { OWNER_TAG, tagListFrom } from "./tags.ts";

/** What machines of one shape have in common, where CreateFleet wants it. */
export interface Template {
  readonly name: string;
  readonly version: string;
}

/**
 * Makes sure that the launch template of a shape for a market is there. It holds no secret and nothing of one machine, so there is
 * one a shape and market: its name is a hash of what it holds, and whoever comes second finds it.
 */
export function ensureTemplate(
  site: SiteContext,
  owner: string,
  shape: Ec2Shape,
  market: PaidMarket,
): Promise<Template> {
  return askOnce(site, keyOf(shape, market), async (closing) => {
    const request = templateRequestFrom(owner, shape, await rootDeviceOf(site, shape.ami), market);
    try {
      await site.call("CreateLaunchTemplate", request, closing);
    } catch (error) {
      // Its name tells all that it holds: one of that name is this one.
      if (!(error instanceof ConflictError)) throw error;
    }
    return templateFrom(request);
  });
}

const keyOf = (shape: Ec2Shape, market: PaidMarket): string => `template ${market} ${JSON.stringify(shape)}`;

/** Renders the request for the template of a shape; what it holds gives it its name. */
export function templateRequestFrom(owner: string, shape: Ec2Shape, rootDevice: string, market: PaidMarket) {
  const data = templateDataFrom(owner, shape, rootDevice, market);
  const hash = createHash("sha256")
    .update(JSON.stringify([owner, data]))
    .digest("hex");
  return {
    LaunchTemplateName: `mayfly-${hash.slice(0, 32)}`,
    ClientToken: hash,
    LaunchTemplateData: data,
    TagSpecifications: [{ ResourceType: "launch-template", Tags: tagListFrom({ [OWNER_TAG]: owner }) }],
  } satisfies CreateLaunchTemplateCommandInput;
}

/** The template that a request makes. */
export const templateFrom = ({ LaunchTemplateName }: ReturnType<typeof templateRequestFrom>): Template => ({
  name: LaunchTemplateName,
  version: "1",
});

/** Tells whether a launch failed because somebody deleted the template; then it is made anew. */
export function forgetTemplate(site: SiteContext, shape: Ec2Shape, market: PaidMarket, error: unknown): boolean {
  const isLost = error instanceof NotFoundError && /launch-template/.test(error.code);
  if (isLost) site.once.delete(keyOf(shape, market));
  return isLost;
}

/** Renders what all machines of a shape have in common. No key pair: keys come with the user data, for one machine each. */
function templateDataFrom(
  owner: string,
  shape: Ec2Shape,
  rootDevice: string,
  market: PaidMarket,
): RequestLaunchTemplateData {
  const Tags = tagListFrom({ [OWNER_TAG]: owner });
  // What a launch makes beside, and its own call cannot tag. A request of a market where there is none must not be tagged.
  const made = ["network-interface" as const, ...(market === "spot" ? ["spot-instances-request" as const] : [])];
  return {
    TagSpecifications: made.map((ResourceType) => ({ ResourceType, Tags })),
    ImageId: shape.ami,
    // The dead-man's switch powers off: that is the end of the machine and of all that it cost.
    InstanceInitiatedShutdownBehavior: "terminate",
    MetadataOptions: {
      HttpEndpoint: "enabled",
      HttpTokens: "required",
      HttpPutResponseHopLimit: 1,
      InstanceMetadataTags: "disabled",
    },
    BlockDeviceMappings: [
      {
        DeviceName: rootDevice,
        Ebs: { VolumeSize: shape.diskGiB, VolumeType: "gp3", Encrypted: true, DeleteOnTermination: true },
      },
    ],
    NetworkInterfaces: [
      {
        DeviceIndex: 0,
        Groups: [...shape.securityGroups],
        AssociatePublicIpAddress: shape.publicAddress,
        DeleteOnTermination: true,
      },
    ],
    ...(shape.instanceProfile === undefined ? {} : { IamInstanceProfile: { Name: shape.instanceProfile } }),
  };
}

/** The device that an image boots from: its name differs from image to image, and mapping another one adds a second disk. */
export function rootDeviceOf(site: SiteContext, ami: string): Promise<string> {
  return askOnce(site, `image ${ami}`, async (closing) => {
    const { Images } = await site.call("DescribeImages", { ImageIds: [ami] }, closing);
    const name = Images?.[0]?.RootDeviceName;
    if (name !== undefined && name !== "") return name;
    const message = `Expected an image of region ${site.site.region} that this account may use, got "${ami}"`;
    throw new ConfigError([{ place: "pool.ec2.ami", message }]);
  });
}
