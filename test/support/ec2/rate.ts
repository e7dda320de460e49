import { machineIdFrom } from "../../../src/domain/ids.ts";
import type { Cloud } from "./cloud.ts";
import { createVirtualEc2, ENDPOINT } from "./inProcess.ts";
import { shapeAt } from "./lab.ts";

/** How long each machine serves, and how often the manager looks at the list meanwhile, in milliseconds. */
const SERVICE_MS = 30_000;
const LOOK_EVERY_MS = 15_000;

const never = new AbortController().signal;

/** Launches and ends machines at a steady rate in a throttled account, as a manager would. Answers the account as it is then. */
export async function serveMachines(machines: number, everyMs: number): Promise<Cloud> {
  const lab = createVirtualEc2();
  const { cloud, clock } = lab;
  Object.assign(cloud.settings, { throttles: true, runDelayMs: 8_000 });
  const driver = lab.createDriver("us");
  const serve = async (number: number): Promise<void> => {
    await clock.sleep(number * everyMs);
    const seed = { userData: "#cloud-config\n", metaData: "" };
    const machineId = machineIdFrom(`m-${number}`);
    const spec = { machineId, poolName: "small", shape: shapeAt(ENDPOINT), seed };
    const { providerId } = await driver.launch(spec, `t-${number}`, never);
    await clock.sleep(SERVICE_MS);
    await driver.terminate([providerId], never);
  };
  const look = async (): Promise<void> => {
    for (let at = 0; at < machines * everyMs; at += LOOK_EVERY_MS) {
      await clock.sleep(LOOK_EVERY_MS);
      await driver.list(never);
    }
  };
  await lab.until(Promise.all([look(), ...Array.from({ length: machines }, (_, number) => serve(number))]));
  await driver.close();
  return cloud;
}
