import { expect, it } from "vitest";
import { parseConfig } from "../../../src/config/parse.ts";
import type { ConfigError } from "../../../src/domain/errors.ts";

const REST = 'cert = "/etc/mayfly/cert.pem"\nkey = "/etc/mayfly/key.pem"\ntoken_file = "/etc/mayfly/token"\n';
const parse = (api: string) => parseConfig(`[api]\n${api}`, "mayfly.toml", "/var/lib/mayfly").api;

function messagesOf(api: string): readonly string[] {
  try {
    parse(api);
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map(({ place, message }) => `${place}: ${message}`);
  }
}

it("listens on the socket alone unless it is told more", () => {
  expect(parse("")).toEqual({ socket: "/var/lib/mayfly/mayfly.sock", tcp: undefined });
});

it.each([
  ["127.0.0.1:8443", "127.0.0.1", 8443],
  ["[::1]:1", "::1", 1],
  ["ci-1.example.com:65535", "ci-1.example.com", 65_535],
])("reads %s", (listen, host, port) => {
  expect(parse(`listen = "${listen}"\n${REST}`).tcp).toEqual({
    ...{ host, port, certFile: "/etc/mayfly/cert.pem", keyFile: "/etc/mayfly/key.pem" },
    tokenFile: "/etc/mayfly/token",
  });
});

it.each(["8443", ":8443", "127.0.0.1:0", "127.0.0.1:65536", "::1:8443", "https://host:1"])("refuses %s", (listen) => {
  expect(messagesOf(`listen = "${listen}"\n${REST}`)).toEqual([
    `mayfly.toml:2: Expected \`api.listen\` to be a host and a port, such as "127.0.0.1:8443" or "[::1]:8443", got "${listen}"`,
  ]);
});

it("never listens without TLS and a token", () => {
  expect(messagesOf('listen = "127.0.0.1:8443"')).toEqual([
    "mayfly.toml:2: Expected `api.cert`, `api.key`, `api.token_file` beside `api.listen`: over TCP the API is served with TLS and a token only",
  ]);
  expect(messagesOf(REST)).toEqual([
    "mayfly.toml:2: Expected `api.listen` beside `api.cert`: over TCP the API is served with TLS and a token only",
  ]);
});
