import { createEc2Lab } from "../support/ec2/lab.ts";
import { describeDriverContract } from "./driver.ts";

const instanceIdOf = (providerId: string): string => providerId.split("/")[1] ?? "";

describeDriverContract(
  "EC2, over the AWS SDK and an endpoint of our own",
  async () => {
    const lab = await createEc2Lab();
    const { cloud, shape } = lab;
    return {
      shape,
      stoppable: { ...shape, market: "on-demand" },
      createDriver: (owner) => lab.createDriver(owner),
      fillUp() {
        cloud.settings.quota = { spot: 0, "on-demand": 0 };
        return shape;
      },
      async endInstance(providerId) {
        cloud.instance(instanceIdOf(providerId)).state = "stopped";
      },
      leftovers: async () => cloud.live().map(({ id }) => id),
      close: () => lab.close(),
    };
  },
  { watches: false, stops: true, launchesTogether: true },
);
