import { expect, it } from "vitest";
import { diffConfigs, fixedKeyOf } from "../../../src/config/diff.ts";
import { explainConfig, parseConfig } from "../../../src/config/parse.ts";
import type { ConfigError } from "../../../src/domain/errors.ts";

const parse = (text: string) => parseConfig(text, "mayfly.toml", "/var/lib/mayfly");
const HOOKS = 'listen = "8095"\nwebhook_token_file = "/etc/mayfly/hooks"\n';
const API = 'url = "https://gitlab.test/"\ntoken_file = "/etc/mayfly/api"\nprojects = ["group/sub/project", "42"]\n';

function messagesOf(text: string): readonly string[] {
  try {
    parse(text);
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map(({ place, message }) => `${place}: ${message}`);
  }
}

it("is nothing unless the file has its table", () => {
  expect(parse("").gitlab).toBeUndefined();
});

it("is webhooks, on loopback where a port is given alone, the API, or both", () => {
  expect(parse(`[gitlab]\n${HOOKS}`).gitlab).toEqual({
    webhooks: { listen: { host: "127.0.0.1", port: 8095 }, tokenFile: "/etc/mayfly/hooks" },
    runners: [],
  });
  expect(parse(`[gitlab]\n${API}`).gitlab).toEqual({
    api: {
      ...{ url: "https://gitlab.test", tokenFile: "/etc/mayfly/api", projects: ["group/sub/project", "42"] },
      pollIntervalMs: 30_000,
    },
    runners: [],
  });
  expect(parse(`[gitlab]\n${API}${HOOKS.replace("8095", "[::1]:8095")}`).gitlab?.webhooks?.listen.host).toBe("::1");
});

it("knows the runners whose jobs come to a pool", () => {
  const runners =
    '[[gitlab.runner]]\npool = "small"\ntags = ["docker", "eu west"]\n[[gitlab.runner]]\npool = "small"\n';

  expect(parse(`[gitlab]\n${HOOKS}${runners}run_untagged = true\n[[pool]]\nname = "small"\n`).gitlab?.runners).toEqual([
    { poolName: "small", tags: ["docker", "eu west"], runsUntagged: false },
    { poolName: "small", tags: [], runsUntagged: true },
  ]);
});

it.each([
  ["", "`gitlab.listen` and `gitlab.webhook_token_file`, or `gitlab.url`"],
  ['listen = "8095"', "Expected `gitlab.webhook_token_file` beside `gitlab.listen`"],
  ['url = "https://gitlab.test"', "Expected `gitlab.token_file`, `gitlab.projects` beside `gitlab.url`"],
  [HOOKS.replace("8095", "70000"), "`gitlab.listen` to be a port, which is opened on 127.0.0.1, or a host and a port"],
  [API.replace('["group/sub/project", "42"]', "[]"), "`gitlab.projects` to be an array of 1 to 200 different"],
  [API.replace("42", "a b"), "`gitlab.projects` to be an array of 1 to 200 different paths"],
  [API.replace("https://", "https://me:word@"), "got a value that holds @ (not shown"],
  [`${API}poll_interval = "1s"`, "`gitlab.poll_interval` to be a duration from 5s to"],
  [`${HOOKS}[metrics]\nlisten = "127.0.0.1:8095"`, "`gitlab.listen` to be another address than `metrics.listen`"],
  [`${HOOKS}[[gitlab.runner]]\npool = "other"\ntags = ["x"]`, "`gitlab.runner.pool` to be one of default, got"],
  [`${HOOKS}[[gitlab.runner]]\npool = "default"`, "Expected `gitlab.runner.tags` to name a tag, or"],
  [
    `${HOOKS}[[gitlab.runner]]\npool = "default"\ntag = ["x"]`,
    "Unknown key `tag` in [[gitlab.runner]], did you mean `tags`?",
  ],
])("refuses %j", (gitlab, message) => {
  expect(messagesOf(`[gitlab]\n${gitlab}`).join("\n")).toContain(message);
});

it("changes by a restart alone", () => {
  const [before, after] = ["8095", "8096"].map(
    (port) => explainConfig(`[gitlab]\n${HOOKS.replace("8095", port)}`, "mayfly.toml", "/var/lib/mayfly").entries,
  );

  const changes = diffConfigs(before ?? [], after ?? []);

  expect(changes.map(fixedKeyOf)).toEqual(["gitlab.listen"]);
});
