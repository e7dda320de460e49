import type { DescribeInstancesCommandOutput, Filter, Instance } from "@aws-sdk/client-ec2";
import type { EpochMs } from "../../domain/ids.ts";
import type { Ec2Actions } from "../../drivers/ec2/client.ts";
import { CALL_TAG, MACHINE_TAG, OWNER_TAG, POOL_TAG } from "../../drivers/ec2/tags.ts";
import type { ProviderInstance } from "../provider.ts";
import { refusal } from "./refusals.ts";
import { stateAt } from "./instances.ts";
import type { Ec2Record, Ec2State } from "./instances.ts";

/** What a describe is answered from. */
interface View {
  readonly records: readonly Ec2Record[];
  /** What was true then. */
  readonly at: EpochMs;
  readonly pageSize: number;
}

type Input = Ec2Actions["DescribeInstances"]["input"];

/** One page of what passes the filters. */
export function describeInstances({ records, at, pageSize }: View, input: Input): DescribeInstancesCommandOutput {
  const shown = records.flatMap((record) => {
    const state = stateAt(record, at);
    return state === undefined || !isMeant(record, state, input.Filters ?? []) ? [] : [{ record, state }];
  });
  const first = Number(input.NextToken ?? 0);
  const size = Math.min(input.MaxResults ?? Infinity, pageSize);
  const Instances = shown.slice(first, first + size).map(({ record, state }) => shownFrom(record, state));
  const hasMore = first + size < shown.length;
  return { $metadata: {}, Reservations: [{ Instances }], ...(hasMore && { NextToken: String(first + size) }) };
}

const isMeant = (record: Ec2Record, state: Ec2State, filters: readonly Filter[]): boolean =>
  filters.every(({ Name = "", Values = [] }) => Values.includes(shownValue(record, state, Name)));

function shownValue({ id, instance, reason }: Ec2Record, state: Ec2State, filter: string): string {
  switch (filter) {
    case `tag:${OWNER_TAG}`:
      return instance.owner;
    case `tag:${MACHINE_TAG}`:
      return namesOf(instance);
    case `tag:${CALL_TAG}`:
      return instance.call?.token ?? "";
    case "instance-id":
      return id;
    case "instance-state-name":
      return state;
    case "state-reason-code":
      return hasEnded(state) ? (reason?.Code ?? "") : "";
    default:
      throw refusal("InvalidParameterValue", `The filter '${filter}' is invalid`);
  }
}

function shownFrom(record: Ec2Record, state: Ec2State): Instance {
  const { id, type, zone, subnet, market, instance, reason } = record;
  const isLeft = state !== "terminated" && state !== "shutting-down";
  return {
    InstanceId: id,
    InstanceType: type as "m7i.large",
    State: { Name: state },
    LaunchTime: new Date(instance.launchedAt),
    Placement: { AvailabilityZone: zone },
    SubnetId: subnet,
    Tags: Object.entries({
      [OWNER_TAG]: instance.owner,
      [POOL_TAG]: instance.poolName,
      [MACHINE_TAG]: namesOf(instance),
      ...(instance.call !== undefined && { [CALL_TAG]: instance.call.token }),
    }).map(([Key, Value]) => ({ Key, Value })),
    ...(isLeft && { PrivateIpAddress: instance.address.host }),
    ...(market === "spot" && { InstanceLifecycle: "spot" }),
    ...(reason !== undefined && hasEnded(state) && { StateReason: reason }),
  };
}

/** The machines in its tag: EC2 knows no more than the call that launched it. */
const namesOf = ({ machineId, call }: ProviderInstance): string => call?.machineIds.join(" ") ?? machineId;

/** What is shown as it was a while ago has no reason yet for what befell it since. */
const hasEnded = (state: Ec2State): boolean => state !== "pending" && state !== "running";
