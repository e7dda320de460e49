import type { Ec2Action } from "./client.ts";

/** The statement of the policy in terraform/ that grants each action. */
export const STATEMENTS: Readonly<Record<Ec2Action, string>> = {
  CreateFleet: "LaunchMachines",
  CreateLaunchTemplate: "LaunchMachines",
  CancelSpotInstanceRequests: "SweepLeftovers",
  CreateImage: "BuildImages",
  DeleteLaunchTemplate: "SweepLeftovers",
  DeleteNetworkInterface: "SweepLeftovers",
  DeleteSnapshot: "RemoveImages",
  DeleteVolume: "SweepLeftovers",
  DeregisterImage: "RemoveImages",
  DescribeImages: "ReadMachines",
  DescribeInstances: "ReadMachines",
  DescribeLaunchTemplates: "ReadMachines",
  DescribeNetworkInterfaces: "ReadMachines",
  DescribeSnapshots: "ReadMachines",
  DescribeSpotInstanceRequests: "ReadMachines",
  DescribeSpotPriceHistory: "ReadMachines",
  DescribeSecurityGroups: "ReadMachines",
  DescribeSubnets: "ReadMachines",
  DescribeVolumes: "ReadMachines",
  GetConsoleOutput: "ReadConsoles",
  StartInstances: "StopAndStartMachines",
  StopInstances: "StopAndStartMachines",
  TerminateInstances: "EndMachines",
};

/** What EC2 asks of a caller beside, while it does what was asked for. */
export const STATEMENTS_BESIDE: Readonly<Record<string, string>> = {
  "ec2:CreateTags": "TagAtLaunch",
  "iam:PassRole": "PassMachineRole",
};
