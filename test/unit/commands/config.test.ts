import { expect, it } from "vitest";
import { renderConfig } from "../../../src/commands/config.ts";
import { explainConfig } from "../../../src/config/parse.ts";

const TEXT = `max_machines = 7
[[pool]]
name = "a"
guest = { user = "ci", registry_mirror = "http://10.0.2.2:5000" }
[[pool]]
name = "b"
idle_time = "90s"
max_machines = 4
cost = { usd_per_hour = 0.02, usd_per_hour_by_type = { "m7i.large" = 0.1008 } }
[[pool.schedule]]
periods = ["* 9-17 * * mon-fri", "* 12 * * sat"]
timezone = "Europe/Berlin"
idle_count = 3
[[pool.schedule]]
periods = ["* 3 * * *"]
idle_scale_factor = 0.5
idle_count_min = 0
[[pool.shadow]]
name = "hourly"
idle_count = 1
[[pool.shadow.schedule]]
periods = ["* 3 * * *"]
idle_count = 4
[[pool.shadow]]
name = "aimed"
max_machines = 9
[pool.shadow.target]
wait = "5s"
share = 0.9
[[pool]]
name = "c"
driver = "ec2"
[pool.ec2]
region = "eu-central-1"
ami = "ami-0123456789abcdef0"
instance_types = ["m7i.large", "m6i.large"]
subnets = ["subnet-0123456789abcdef0"]
security_groups = ["sg-0123456789abcdef0"]
`;

it("writes a config that reads back to itself", () => {
  const { config, entries } = explainConfig(TEXT, "mayfly.toml", "/state");

  const again = explainConfig(renderConfig(entries), "mayfly.toml", "/elsewhere");

  expect(again.config).toEqual(config);
});

it("puts each value's origin behind it", () => {
  const lines = renderConfig(explainConfig(TEXT, "mayfly.toml", "/state").entries).split("\n");

  expect(lines).toContainEqual(expect.stringMatching(/^max_machines = 7 +# mayfly\.toml:1$/));
  expect(lines).toContainEqual(expect.stringMatching(/^idle_time = "90s" +# mayfly\.toml:7$/));
  expect(lines).toContainEqual(expect.stringMatching(/^name = "mayfly" +# default$/));
});
