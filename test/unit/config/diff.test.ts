import { expect, it } from "vitest";
import { diffConfigs, fixedKeyOf } from "../../../src/config/diff.ts";
import { explainConfig } from "../../../src/config/parse.ts";
import { changeText } from "../../../src/domain/configChange.ts";

const entries = (text: string) => explainConfig(text, "mayfly.toml", "/var/lib/mayfly").entries;
const diff = (before: string, after: string) => diffConfigs(entries(before), entries(after));
const POOL = '[[pool]]\nname = "small"\n';

it("finds no difference where only the order of pools, comments and written-out defaults differ", () => {
  const before = `# one\n${POOL}\n[[pool]]\nname = "big"\nidle_time = "20m"\n`;

  expect(diff(before, `[[pool]]\nname = "big"\n${POOL}idle_count = 1\n`)).toEqual([]);
});

it("names each value that differs by its pool and key, and pools that come and go", () => {
  const before = `max_machines = 9\n${POOL}idle_count = 1\n[pool.qemu]\ncpus = 2\n\n[[pool]]\nname = "old"\n`;
  const after = `max_machines = 8\n${POOL}idle_count = 2\n[pool.guest]\nregistry_mirror = "http://m:5000"\n[pool.qemu]\ncpus = 4\n\n[[pool]]\nname = "new"\n`;

  expect(diff(before, after).map(changeText)).toEqual([
    "max_machines 9 → 8",
    "pool small: idle_count 1 → 2",
    "pool small: qemu.cpus 2 → 4",
    'pool small: guest.registry_mirror unset → "http://m:5000"',
    "pool old is removed",
    "pool new is added",
  ]);
});

it.each([
  ['name = "other"', "name"],
  ['state_dir = "/elsewhere"\n[api]\nsocket = "/var/lib/mayfly/mayfly.sock"', "state_dir"],
  ['[api]\nsocket = "/run/x.sock"', "api.socket"],
])("tells that %s takes a restart", (text, key) => {
  expect(diff("", text).map(fixedKeyOf)).toEqual([key]);
});

it("lets everything else of the file and its pools be changed live, a pool's own name among it", () => {
  const before = `stop_timeout = "1m"\nmin_free_disk = "1GiB"\n${POOL}`;
  const after = `stop_timeout = "2m"\nmin_free_disk = "2GiB"\n[[pool]]\nname = "large"\n`;

  expect(diff(before, after).map(fixedKeyOf)).toEqual([undefined, undefined, undefined, undefined]);
});
