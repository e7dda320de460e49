import { createSimulatedGuest } from "../../../src/simulation/guest.ts";
import type { SimulatedGuest } from "../../../src/simulation/guest.ts";
import type { ProviderInstance, SimulatedProvider } from "../../../src/simulation/provider.ts";
import { providerIdFrom } from "../../../src/drivers/ec2/context.ts";
import type { Cloud } from "./cloud.ts";
import type { CloudWorld } from "./manager.ts";

/** Pretended guests of the instances of a pretended account, and of a simulated provider beside it. */
export function createCloudGuests(
  lab: Pick<CloudWorld, "cloud" | "clock">,
  provider: SimulatedProvider,
  bootMs: number,
): SimulatedGuest {
  const both: SimulatedProvider = {
    ...provider,
    instances: () => [...provider.instances(), ...instancesOf(lab.cloud)],
  };
  return createSimulatedGuest({ clock: lab.clock, provider: both }, { bootMs });
}

const instancesOf = (cloud: Cloud): ProviderInstance[] =>
  cloud.live().map((instance) => {
    const { id, address = "", launchedAt, runningAt, state } = instance;
    const facts = { launchedAt, runningAt, hasStopped: state !== "live", address: { host: address, port: 22 } };
    return {
      providerId: providerIdFrom({ region: "eu-central-1" }, id),
      ...facts,
    } as Partial<ProviderInstance> as ProviderInstance;
  });
