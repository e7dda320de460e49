import { describe, expect, it } from "vitest";
import { choosePool } from "../../../../src/daemon/dockerMachines/choosePool.ts";
import type { Ec2Shape } from "../../../../src/domain/shape.ts";
import { pool } from "../../../support/pools.ts";

const ec2 = (name: string, changes: Partial<Ec2Shape> = {}) => {
  const shape: Ec2Shape = {
    ...{ driver: "ec2", region: "eu-central-1", ami: "ami-1", instanceTypes: ["m7i.large"], subnets: ["subnet-1"] },
    ...{ securityGroups: ["sg-1"], market: "spot", diskGiB: 20, publicAddress: false, tags: {}, ...changes },
  };
  return pool({ name, shape });
};
const local = pool({ name: "local" });
const near = ec2("near");
const far = ec2("far", { region: "us-east-1" });
const large = ec2("large", { instanceTypes: ["m7i.4xlarge"], ami: "ami-2" });

describe("choosePool", () => {
  it("takes the only pool, whatever the options of amazonec2 say", () => {
    expect(choosePool([local], { ec2: { region: "us-east-1" } })).toBe(local);
  });

  it("takes the pool that is named before any other", () => {
    expect(choosePool([local, near], { poolName: "local", ec2: { region: "eu-central-1" } })).toBe(local);
    expect(() => choosePool([local, near], { poolName: "nar" })).toThrow(
      'there is no pool "nar"; there is: local, near',
    );
  });

  it("takes the only one that region, type and image fit", () => {
    const pools = [local, near, far, large];

    expect(choosePool(pools, { ec2: { region: "us-east-1" } })).toBe(far);
    expect(choosePool(pools, { ec2: { region: "eu-central-1", instanceType: "m7i.large" } })).toBe(near);
    expect(choosePool(pools, { ec2: { ami: "ami-2" } })).toBe(large);
  });

  it("asks for a choice when none or several fit", () => {
    const pools = [local, near, far, large];
    const how = "choose one with --mayfly-pool=NAME or MAYFLY_POOL";

    expect(() => choosePool(pools, {})).toThrow(`there are several pools (local, near, far, large); ${how}`);
    expect(() => choosePool(pools, { ec2: {} })).toThrow(
      `several pools fit the options of amazonec2 (near, far, large)`,
    );
    expect(() => choosePool(pools, { ec2: { region: "mars-1" } })).toThrow("no pool fits the options of amazonec2");
  });
});
