import { expect, it } from "vitest";
import { goalFrom, policiesFrom } from "../../../src/commands/plan/policies.ts";
import { ConfigError } from "../../../src/domain/errors.ts";
import { pool } from "../../support/pools.ts";

const goal = { waitMs: 5000, share: 0.95 };
const small = pool();
const asked = (text: string) => policiesFrom([text], goal, () => small)[0]?.asked;

it.each([
  ["static:3", { kind: "static", level: 3 }],
  ["scale_factor:0.5", { kind: "scale_factor", factor: 0.5, min: 1, max: Infinity }],
  ["scale_factor:2,min=0,max=9", { kind: "scale_factor", factor: 2, min: 0, max: 9 }],
  ["target", { kind: "target", waitMs: 5000, share: 0.95 }],
  ["target:wait=1m30s,share=99%", { kind: "target", waitMs: 90_000, share: 0.99 }],
  ["config", { kind: "pool", pool: small }],
])("reads %s", (text, policy) => {
  expect(asked(text)).toEqual(policy);
});

it.each([
  ["static", "Expected static:COUNT"],
  ["static:-1", "Expected a whole number from 0"],
  ["static:1,2", "Expected static:COUNT"],
  ["scale_factor", "Expected a number from 0 to 100"],
  ["scale_factor:1,least=2", 'Expected min=… or max=…, got "least=2"'],
  ["target:when=5s", 'Expected wait=… or share=…, got "when=5s"'],
  ["target:share=2", "Expected a share between 0 and 1"],
  ["target:wait=5", 'Expected a duration such as "5s"'],
  ["config:small", "Expected config alone"],
  ["magic", "Expected static, scale_factor, target or config"],
])("says what is wrong with %s", (text, problem) => {
  expect(() => asked(text)).toThrow(ConfigError);
  expect(() => asked(text)).toThrow(problem);
});

it("takes the goal of the first target among them", () => {
  expect(goalFrom(["static:1", "target:wait=9s", "target:wait=1s"], goal)).toEqual({ waitMs: 9000, share: 0.95 });
  expect(goalFrom(["static:1"], goal)).toBe(goal);
});
