import { createVirtualClock } from "../../src/simulation/clock.ts";
import { createSimulatedDriver } from "../../src/simulation/driver.ts";
import { createSimulatedProvider } from "../../src/simulation/provider.ts";
import { createSeededRandom } from "../../src/simulation/random.ts";
import { describeDriverContract } from "./driver.ts";

describeDriverContract(
  "simulated",
  async () => {
    const provider = createSimulatedProvider({ clock: createVirtualClock(0), random: createSeededRandom(1) });
    return {
      shape: { driver: "simulated" },
      createDriver: (owner) => createSimulatedDriver(provider, owner),
      fillUp() {
        provider.setMaxInstances(provider.instances().length);
        return { driver: "simulated" };
      },
      endInstance: async (providerId) => provider.loseInstance(providerId),
      leftovers: async () => provider.instances().map(({ providerId }) => providerId),
      close: async () => undefined,
    };
  },
  { stops: true },
);
