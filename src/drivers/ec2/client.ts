import type * as Sdk from "@aws-sdk/client-ec2";
import type { Ec2Site } from "./options.ts";

/** What the driver asks of EC2, by the name of the action. */
export interface Ec2Actions {
  CancelSpotInstanceRequests: {
    input: Sdk.CancelSpotInstanceRequestsCommandInput;
    output: Sdk.CancelSpotInstanceRequestsCommandOutput;
  };
  CreateFleet: { input: Sdk.CreateFleetCommandInput; output: Sdk.CreateFleetCommandOutput };
  CreateLaunchTemplate: { input: Sdk.CreateLaunchTemplateCommandInput; output: Sdk.CreateLaunchTemplateCommandOutput };
  CreateImage: { input: Sdk.CreateImageCommandInput; output: Sdk.CreateImageCommandOutput };
  DeleteLaunchTemplate: { input: Sdk.DeleteLaunchTemplateCommandInput; output: Sdk.DeleteLaunchTemplateCommandOutput };
  DeleteNetworkInterface: {
    input: Sdk.DeleteNetworkInterfaceCommandInput;
    output: Sdk.DeleteNetworkInterfaceCommandOutput;
  };
  DeleteSnapshot: { input: Sdk.DeleteSnapshotCommandInput; output: Sdk.DeleteSnapshotCommandOutput };
  DeleteVolume: { input: Sdk.DeleteVolumeCommandInput; output: Sdk.DeleteVolumeCommandOutput };
  DeregisterImage: { input: Sdk.DeregisterImageCommandInput; output: Sdk.DeregisterImageCommandOutput };
  DescribeImages: { input: Sdk.DescribeImagesCommandInput; output: Sdk.DescribeImagesCommandOutput };
  DescribeInstances: { input: Sdk.DescribeInstancesCommandInput; output: Sdk.DescribeInstancesCommandOutput };
  DescribeLaunchTemplates: {
    input: Sdk.DescribeLaunchTemplatesCommandInput;
    output: Sdk.DescribeLaunchTemplatesCommandOutput;
  };
  DescribeNetworkInterfaces: {
    input: Sdk.DescribeNetworkInterfacesCommandInput;
    output: Sdk.DescribeNetworkInterfacesCommandOutput;
  };
  DescribeSnapshots: { input: Sdk.DescribeSnapshotsCommandInput; output: Sdk.DescribeSnapshotsCommandOutput };
  DescribeSpotInstanceRequests: {
    input: Sdk.DescribeSpotInstanceRequestsCommandInput;
    output: Sdk.DescribeSpotInstanceRequestsCommandOutput;
  };
  DescribeSpotPriceHistory: {
    input: Sdk.DescribeSpotPriceHistoryCommandInput;
    output: Sdk.DescribeSpotPriceHistoryCommandOutput;
  };
  DescribeSecurityGroups: {
    input: Sdk.DescribeSecurityGroupsCommandInput;
    output: Sdk.DescribeSecurityGroupsCommandOutput;
  };
  DescribeSubnets: { input: Sdk.DescribeSubnetsCommandInput; output: Sdk.DescribeSubnetsCommandOutput };
  DescribeVolumes: { input: Sdk.DescribeVolumesCommandInput; output: Sdk.DescribeVolumesCommandOutput };
  GetConsoleOutput: { input: Sdk.GetConsoleOutputCommandInput; output: Sdk.GetConsoleOutputCommandOutput };
  StartInstances: { input: Sdk.StartInstancesCommandInput; output: Sdk.StartInstancesCommandOutput };
  StopInstances: { input: Sdk.StopInstancesCommandInput; output: Sdk.StopInstancesCommandOutput };
  TerminateInstances: { input: Sdk.TerminateInstancesCommandInput; output: Sdk.TerminateInstancesCommandOutput };
}

export type Ec2Action = keyof Ec2Actions;

/** EC2, as the driver sees it: one call, one request. Errors are the SDK's. */
export interface Ec2Client {
  send<A extends Ec2Action>(
    action: A,
    input: Ec2Actions[A]["input"],
    signal: AbortSignal,
  ): Promise<Ec2Actions[A]["output"]>;
  close(): void;
}

/** A request that EC2 took is answered within seconds; one that was lost on the way costs no more than this. */
const TIMEOUTS = { connectionTimeout: 5_000, requestTimeout: 20_000 };

/**
 * Creates the client of one site over the AWS SDK, with every source of credentials that the SDK knows. It repeats nothing by
 * itself. The SDK is loaded with the first call: a manager without EC2 pools pays nothing for it.
 * @param requestHandler how its requests go out.
 */
export function createSdkClient(
  { region, profile, endpoint }: Ec2Site,
  requestHandler: Sdk.EC2ClientConfig["requestHandler"] = TIMEOUTS,
): Ec2Client {
  let opened: Promise<{ readonly sdk: typeof Sdk; readonly client: Sdk.EC2Client }> | undefined;
  const open = async () => {
    const sdk = await import("@aws-sdk/client-ec2");
    const client = new sdk.EC2Client({
      region,
      maxAttempts: 1,
      requestHandler,
      ...(profile === undefined ? {} : { profile }),
      ...(endpoint === undefined ? {} : { endpoint }),
    });
    return { sdk, client };
  };
  return {
    async send(action, input, signal) {
      opened ??= open();
      const { sdk, client } = await opened;
      signal.throwIfAborted();
      // Each action's command bears its name; the table above holds the types of both sides.
      const Command = sdk[`${action}Command`] as unknown as new (
        input: unknown,
      ) => Parameters<Sdk.EC2Client["send"]>[0];
      const answer: unknown = await client.send(new Command(input), { abortSignal: signal });
      return answer as Ec2Actions[typeof action]["output"];
    },
    close() {
      opened?.then(({ client }) => client.destroy()).catch(() => undefined);
    },
  };
}
