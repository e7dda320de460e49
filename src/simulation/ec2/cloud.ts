import { createEc2Driver } from "../../drivers/ec2/driver.ts";
import type { Driver } from "../../ports/driver.ts";
import { OWNER } from "../world/cloud.ts";
import type { Cloud } from "../world/cloud.ts";
import type { ManagerProcess } from "../world/process.ts";
import type { World } from "../world/world.ts";
import { createEc2Account } from "./account.ts";
import { REGION } from "./site.ts";

/** From the notice to the end. Source: EC2 user guide, "Spot Instance interruption notices". */
const NOTICE_MS = 120_000;

/** Creates the provider of a world as an account of EC2, which managers reach through the product's own driver. */
export function createEc2Cloud(world: World): Cloud {
  const account = createEc2Account(world);
  const { instances } = account;
  return {
    driverFor(process, { clock, logger }) {
      const { random } = world;
      const connect = () => account.clientFor(process);
      const driver = createEc2Driver({ owner: OWNER, sites: [{ region: REGION }] }, { clock, random, logger, connect });
      return observed(world, process, driver);
    },
    isOnLoan: (instance) => instances.of(instance).market === "spot",
    takeBack(instance) {
      const record = instances.of(instance);
      record.markedAt = world.clock.now();
      record.lostAtMs = world.clock.monotonic();
      world.clock.schedule(NOTICE_MS, () => world.provider.vanishInstance(instance.providerId));
    },
    deleteTemplates: account.deleteTemplates,
  };
}

/** Tells the checks of what the manager asks its driver for, and lets it be killed there. */
function observed(world: World, process: ManagerProcess, driver: Driver): Driver {
  const machinesOf = (ids: readonly string[]) =>
    world.provider.instances().flatMap(({ providerId, machineId }) => (ids.includes(providerId) ? [machineId] : []));
  return {
    ...driver,
    launch: (spec, token, signal) =>
      process.call("driver.launch", () => {
        world.tell({ what: "called", verb: "launch", machineIds: [spec.machineId], token });
        return driver.launch(spec, token, signal);
      }),
    together: driver.together && {
      ...driver.together,
      launch: (spec, token, signal) =>
        process.call("driver.launch", () => {
          world.tell({ what: "called", verb: "launch", machineIds: spec.machineIds, token });
          return (
            driver.together?.launch(spec, token, signal) ?? Promise.reject(new Error("it launches them one by one"))
          );
        }),
    },
    list: (signal) =>
      process.call("driver.list", () => {
        world.tell({ what: "called", verb: "list", machineIds: [], token: "" });
        return driver.list(signal);
      }),
    terminate: (ids, signal) =>
      process.call("driver.terminate", () => {
        world.tell({ what: "called", verb: "terminate", machineIds: machinesOf(ids), token: "" });
        return driver.terminate(ids, signal);
      }),
  };
}
