import { expect, it } from "vitest";
import { diffConfigs, fixedKeyOf } from "../../../src/config/diff.ts";
import { explainConfig, parseConfig } from "../../../src/config/parse.ts";
import type { ConfigError } from "../../../src/domain/errors.ts";
import { EC2_POOL } from "../../support/config/ec2Pool.ts";

const parse = (text: string) => parseConfig(text, "mayfly.toml", "/var/lib/mayfly");
const LOCAL = '[[pool]]\nname = "local"\n[[pool]]\nname = "own"\nguest = { registry_mirror = "http://m:1" }\n';

function messagesOf(text: string): readonly string[] {
  try {
    parse(text);
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map(({ place, message }) => `${place}: ${message}`);
  }
}
const mirrorsOf = (text: string) => parse(text).pools.map(({ guest }) => guest.registryMirror);

it("is none unless the file has its table", () => {
  expect(parse("").mirror).toBeUndefined();
  expect(mirrorsOf(LOCAL)).toEqual([undefined, "http://m:1"]);
});

it("is a cache of Docker Hub on loopback by default", () => {
  expect(parse("[mirror]").mirror).toEqual({
    listen: { host: "127.0.0.1", port: 5050 },
    upstream: "https://registry-1.docker.io",
    maxSizeMiB: 20 * 1024,
  });
});

it.each([
  ["", "http://10.0.2.2:5050"],
  ['listen = "0.0.0.0:5055"', "http://10.0.2.2:5055"],
  ['listen = "192.0.2.7:5055"', "http://192.0.2.7:5055"],
  ['listen = "[2001:db8::1]:5055"', "http://[2001:db8::1]:5055"],
])("is given to local pools that name no mirror of their own, as their guests reach it: %s", (mirror, url) => {
  expect(mirrorsOf(`[mirror]\n${mirror}\n${LOCAL}`)).toEqual([url, "http://m:1"]);
});

it("is given to pools on EC2 by its url alone", () => {
  expect(mirrorsOf(`[mirror]\n${EC2_POOL}`)).toEqual([undefined]);
  expect(mirrorsOf(`[mirror]\nurl = "http://10.1.2.3:5050"\n${EC2_POOL}${LOCAL}`)).toEqual([
    "http://10.1.2.3:5050",
    "http://10.0.2.2:5050",
    "http://m:1",
  ]);
});

it.each([
  ['listen = "127.0.0.9:5050"', "`mirror.listen` to be on 127.0.0.1, which guests of this host reach as 10.0.2.2"],
  ['listen = "[::1]:5050"', "`mirror.listen` to be on 127.0.0.1"],
  ['listen = "5050"', "`mirror.listen` to be a host and a port"],
  ['url = "10.1.2.3:5050"', "`mirror.url` to be an http or https URL of a host"],
  ['upstream = "docker.io"', "`mirror.upstream` to be an http or https URL without credentials"],
  ['upstream = "https://me:word@hub.example"', "got a value that holds @ (not shown"],
  ['max_size = "1MiB"', "`mirror.max_size` to be a size from 64MiB to"],
  ['credentials_file = "hub"', "`mirror.credentials_file` to be an absolute path"],
  ['uptsream = "x"', "Unknown key `uptsream` in [mirror], did you mean `upstream`?"],
])("refuses %s", (mirror, message) => {
  expect(messagesOf(`[mirror]\n${mirror}\n`).join("\n")).toContain(message);
  expect(messagesOf(`[mirror]\n${mirror}\n`).join("\n")).toContain("mayfly.toml:2: ");
});

it("does not share its place with the metrics", () => {
  expect(messagesOf('[metrics]\nlisten = "127.0.0.1:9252"\n[mirror]\nlisten = "127.0.0.1:9252"\n')).toEqual([
    'mayfly.toml:4: Expected `mirror.listen` to be another address than `metrics.listen`, got "127.0.0.1:9252" for both',
  ]);
});

it("is one of the things that a running daemon cannot change", () => {
  const entriesOf = (text: string) => explainConfig(text, "mayfly.toml", "/var/lib/mayfly").entries;
  const changes = diffConfigs(entriesOf("[mirror]"), entriesOf('[mirror]\nmax_size = "1GiB"'));

  expect(changes.map(fixedKeyOf)).toEqual(["mirror.max_size"]);
});
