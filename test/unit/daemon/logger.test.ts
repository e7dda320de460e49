import { expect, it } from "vitest";
import { createLogger } from "../../../src/daemon/logger.ts";
import type { LogLevel } from "../../../src/daemon/logger.ts";
import { MachineError } from "../../../src/domain/errors.ts";

function capture(level: LogLevel) {
  const lines: string[] = [];
  return { logger: createLogger(level, { write: (line: string) => void lines.push(line) }), lines };
}

it("writes the fields and the message as one JSON object a line", () => {
  const { logger, lines } = capture("info");

  logger.child({ poolName: "small" }).info({ machineId: "m-1" }, "launched machine");

  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 30, poolName: "small", machineId: "m-1", msg: "launched machine" },
  ]);
});

it("leaves out what is below its level", () => {
  const { logger, lines } = capture("warn");

  logger.debug({}, "a");
  logger.info({}, "b");
  logger.error({}, "c");

  expect(lines).toHaveLength(1);
});

it("tells the whole of an error with its cause", () => {
  const { logger, lines } = capture("info");

  logger.error({ err: new MachineError("boot-failed", "no sshd", { cause: new Error("refused") }) }, "boot failed");

  expect(JSON.parse(lines[0] ?? "{}").err).toMatchObject({
    type: "MachineError",
    code: "boot-failed",
    message: "no sshd",
    cause: { message: "refused" },
  });
});

it.each([
  { privateKey: "SECRET" },
  { keys: { host: { privateKey: "SECRET" } } },
  { spec: { variables: { TOKEN: "SECRET" } } },
  { request: { headers: { authorization: "SECRET" } } },
  { seed: { userData: "SECRET" } },
  { auth: { username: "ann", password: "SECRET" } },
  { machine: { launchToken: "SECRET" } },
  { registry: { auth: { token: "SECRET" } } },
])("never writes the secret of %j", (fields) => {
  const { logger, lines } = capture("debug");

  logger.info(fields, "told");
  logger.child(fields).info({}, "told by a child");

  expect(lines).toHaveLength(2);
  expect(lines.join("")).not.toContain("SECRET");
});
