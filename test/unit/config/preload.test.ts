import { expect, it } from "vitest";
import { parseConfig } from "../../../src/config/parse.ts";
import type { ConfigError } from "../../../src/domain/errors.ts";
import { shapeDigestOf } from "../../../src/domain/recipe.ts";

const textOf = (preload: string): string => `[[pool]]\nname = "small"\npreload = ${preload}\n`;
const poolOf = (text: string) => parseConfig(text, "mayfly.toml", "/var/lib/mayfly").pools[0];

function problemsOf(preload: string): readonly string[] {
  try {
    poolOf(textOf(preload));
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map(({ place, message }) => `${place}: ${message}`);
  }
}

const DIGEST = `sha256:${"ab".repeat(32)}`;

it.each([
  "debian",
  "debian:12",
  "docker:24.0.7-dind",
  "group/app_1.x",
  "registry.example.com:5000/group/sub/app:1",
  "localhost/app",
  `debian@${DIGEST}`,
  `debian:12@${DIGEST}`,
])("takes %s for the name of an image", (image) => {
  expect(poolOf(textOf(JSON.stringify([image])))?.preload).toEqual([image]);
});

it.each(["", "Debian", "debian:", "debian 12", "https://debian", "debian@sha256:ab", "a;b", "$(x)", "-v", "a/../b"])(
  'refuses "%s", naming place, rule and value',
  (image) => {
    expect(problemsOf(JSON.stringify([image]))).toEqual([
      expect.stringMatching(
        /^mayfly.toml:3: Expected `pool.preload` to be the name of an image, such as "debian:12" or .*, got /,
      ),
    ]);
  },
);

it("refuses a name that is there twice, and more than fifty", () => {
  const many = Array.from({ length: 51 }, (_, index) => `debian:${index}`);

  expect(problemsOf('["debian", "debian"]')).toEqual([
    "mayfly.toml:3: Expected `pool.preload` to be an array of at most 50 different names, got an array",
  ]);
  expect(problemsOf(JSON.stringify(many))).toHaveLength(1);
});

it("makes no machine another one: idle ones fetch what a changed list has more", () => {
  const [one, other] = [poolOf(textOf('["debian"]')), poolOf(textOf('["alpine"]'))];

  expect(one && shapeDigestOf(one)).toBe(other && shapeDigestOf(other));
});
