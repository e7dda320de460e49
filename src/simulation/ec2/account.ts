import type { DescribeInstancesCommandInput, DescribeInstancesCommandOutput } from "@aws-sdk/client-ec2";
import type { MachineId } from "../../domain/ids.ts";
import type { Ec2Action, Ec2Actions, Ec2Client } from "../../drivers/ec2/client.ts";
import type { FaultKind } from "../faults/kinds.ts";
import { createOmissions } from "../world/omissions.ts";
import type { ManagerProcess } from "../world/process.ts";
import type { World } from "../world/world.ts";
import { describeInstances } from "./describe.ts";
import { createFleets, marketOf, tagsOf } from "./fleets.ts";
import { createInstances, stateAt } from "./instances.ts";
import type { Ec2Record, Instances } from "./instances.ts";
import { createRoad } from "./road.ts";
import { createBuckets } from "./buckets.ts";
import { refusal, throttled } from "./refusals.ts";
import { zoneOf } from "./site.ts";

/** A describe shows what was true so long ago, at the most, in milliseconds. */
const STALE_MS = 30_000;

/** A simulated account of EC2, as it is for every manager of a day: a request that was sent has its effect, whoever dies. */
export interface Ec2Account {
  readonly instances: Instances;
  deleteTemplates(): void;
  /** What one process reaches it through, in the place of the AWS SDK. */
  clientFor(process: ManagerProcess): Ec2Client;
}

type Served = { readonly [A in Ec2Action]?: (input: Ec2Actions[A]["input"]) => Ec2Actions[A]["output"] };

/** Opens the account of a world. */
export function createEc2Account(world: World): Ec2Account {
  const { clock, day, draw, faults } = world;
  const touch = (machineId: MachineId, kind: FaultKind): void => {
    world.truth.machine(machineId).touches.set(kind, clock.monotonic());
    world.journal.note(machineId, `fault: ${kind}`);
  };
  const instances = createInstances(world);
  const fleets = createFleets(world, instances, touch);
  const omissions = createOmissions(world);
  const takeToken = createBuckets(clock);

  /** What an action is refused for before it is looked at. */
  const refuse = (action: Ec2Action, machines: readonly MachineId[]): void => {
    const strikes = (kind: FaultKind): boolean => {
      if (faults.strikes(kind) === undefined) return false;
      for (const id of machines) touch(id, kind);
      return true;
    };
    if (!takeToken(action)) {
      for (const id of machines) touch(id, "calls-throttled");
      world.journal.note("", `${action} passed the account's bucket`);
      throw throttled();
    }
    if (strikes("calls-throttled")) throw throttled();
    if (action === "CreateFleet" && strikes("launch-throttled")) throw throttled();
    if (action === "TerminateInstances" && strikes("terminate-refused")) throw throttled();
    if (action === "DescribeInstances" && strikes("list-fails")) throw refusal("InternalError", "An error", 500);
    if (strikes("server-errors")) throw refusal("Unavailable", "The server is overloaded and cannot answer.", 503);
  };

  const terminate = (ids: readonly string[]): void => {
    const known = ids.map((id) => instances.get(id));
    const isShown = (record: Ec2Record | undefined): record is Ec2Record =>
      record !== undefined && stateAt(record, clock.now()) !== undefined;
    const shown = known.filter(isShown);
    const left = shown.filter(({ instance }) => instance.goneAt === undefined);
    const denied = left.length > 0 && faults.strikes("terminate-not-found") !== undefined;
    if (denied) for (const { instance } of left) touch(instance.machineId, "terminate-not-found");
    // One that it does not know fails the whole call.
    if (denied || shown.length < ids.length)
      throw refusal("InvalidInstanceID.NotFound", `The instance IDs '${ids.join(", ")}' do not exist`);
    if (left.length < shown.length && faults.strikes("terminate-unauthorized") !== undefined)
      throw refusal("UnauthorizedOperation", "You are not authorized to perform this operation.", 403);
    const slow = faults.strikes("terminate-slow");
    for (const record of left) {
      world.tell({ what: "ended-by-us", instance: record.instance });
      const scale = slow === undefined ? 1 : slow.draw.between(5, 60);
      instances.end(record, draw.between(...day.provider.terminateMs) * scale);
    }
  };

  const served: Served = {
    CreateFleet: (input) => fleets.create(input),
    CreateLaunchTemplate({ LaunchTemplateName = "" }) {
      fleets.createTemplate(LaunchTemplateName);
      return { $metadata: {} };
    },
    DescribeImages: ({ ImageIds = [] }) => ({
      $metadata: {},
      Images: ImageIds.map((ImageId) => ({ ImageId, RootDeviceName: "/dev/xvda" })),
    }),
    DescribeInstances(input) {
      const stale = faults.strikes("list-stale");
      const at = clock.now() - (stale?.draw.between(0, STALE_MS) ?? 0);
      const partial = faults.strikes("list-partial");
      const isShown = ({ instance }: Ec2Record): boolean =>
        partial === undefined || !omissions.isOmitted(instance.providerId, partial);
      const pageSize = day.provider.ec2?.pageSize ?? Infinity;
      return describeInstances({ records: instances.all().filter(isShown), at, pageSize }, input);
    },
    DescribeSpotInstanceRequests: () => ({
      $metadata: {},
      SpotInstanceRequests: instances.all().flatMap(({ id, markedAt, instance }) => {
        if (markedAt === undefined || instance.goneAt !== undefined) return [];
        const Status = { Code: "marked-for-termination", UpdateTime: new Date(markedAt) };
        return [{ SpotInstanceRequestId: `sir-${id.slice(2, 10)}`, InstanceId: id, State: "active", Status }];
      }),
    }),
    DescribeSpotPriceHistory: () => ({ $metadata: {}, SpotPriceHistory: [{ SpotPrice: "0.0312" }] }),
    DescribeSubnets: ({ SubnetIds = [] }) => ({
      $metadata: {},
      Subnets: SubnetIds.map((SubnetId) => ({ SubnetId, AvailabilityZone: zoneOf(SubnetId) })),
    }),
    TerminateInstances({ InstanceIds = [] }) {
      terminate(InstanceIds);
      return { $metadata: {} };
    },
  };
  const serve = <A extends Ec2Action>(action: A, input: Ec2Actions[A]["input"], machines: readonly MachineId[]) => {
    refuse(action, machines);
    const run = served[action] as ((input: Ec2Actions[A]["input"]) => Ec2Actions[A]["output"]) | undefined;
    if (run === undefined) throw refusal("InvalidAction", `The action ${action} is not valid for this web service.`);
    return run(input);
  };
  const road = createRoad(world, touch);

  return {
    instances,
    deleteTemplates: fleets.deleteTemplates,
    clientFor: (process) => ({
      async send(action, input, signal) {
        const answer = await process.call(`ec2.${action}`, () => {
          const machines = machinesOf(action, input, instances, world);
          world.tell({ what: "ec2-called", action, ...spotPoolOf(action, input) });
          return road.travel(action, machines, signal, () => serve(action, input, machines));
        });
        // What comes too late is heard by nobody.
        const sinceMs = signal.aborted ? new Map() : interruptionsIn(action, input, answer, instances);
        if (sinceMs.size > 0) world.tell({ what: "ec2-told-interruptions", sinceMs });
        return answer;
      },
      close: () => undefined,
    }),
  };
}

/** The machines that a call is about. */
function machinesOf<A extends Ec2Action>(
  action: A,
  input: Ec2Actions[A]["input"],
  instances: Instances,
  world: World,
): readonly MachineId[] {
  if (action === "CreateFleet") return tagsOf(input as Ec2Actions["CreateFleet"]["input"]).machineIds;
  // Whatever else a launch has to ask for, it waits for.
  if (action !== "TerminateInstances") return requested(world);
  const { InstanceIds = [] } = input as Ec2Actions["TerminateInstances"]["input"];
  return InstanceIds.flatMap((id) => instances.get(id)?.instance.machineId ?? []);
}

const requested = ({ truth }: World): MachineId[] =>
  [...truth.liveMachines.values()].filter(({ state }) => state === "requested").map(({ id }) => id);

/** The pool whose machine is asked for on the spot market. */
function spotPoolOf<A extends Ec2Action>(action: A, input: Ec2Actions[A]["input"]): { spotPool?: string } {
  if (action !== "CreateFleet") return {};
  const request = input as Ec2Actions["CreateFleet"]["input"];
  return marketOf(request) === "spot" ? { spotPool: tagsOf(request).poolName } : {};
}

/**
 * Instances that an answer shows as taken back by the spot market, and when that came to be. What fills several pages may be read
 * in part, and counts for nothing.
 */
function interruptionsIn<A extends Ec2Action>(
  action: A,
  input: Ec2Actions[A]["input"],
  answer: Ec2Actions[A]["output"],
  instances: Instances,
): ReadonlyMap<string, number> {
  const { Filters = [], NextToken } = input as DescribeInstancesCommandInput;
  const isQuestion = action === "DescribeInstances" && Filters.some(({ Name }) => Name === "state-reason-code");
  const { Reservations = [], NextToken: more } = answer as DescribeInstancesCommandOutput;
  if (!isQuestion || NextToken !== undefined || more !== undefined) return new Map();
  const shown = Reservations.flatMap(({ Instances = [] }) => Instances);
  return new Map(shown.map(({ InstanceId = "" }) => [InstanceId, instances.get(InstanceId)?.lostAtMs ?? 0]));
}
