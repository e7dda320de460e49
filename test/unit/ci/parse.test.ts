import { expect, it } from "vitest";
import { parsePipeline } from "../../../src/ci/parse.ts";
import type { PipelineJob } from "../../../src/ci/model.ts";
import { ConfigError } from "../../../src/domain/errors.ts";

const parse = (text: string) => parsePipeline(text, "ci.yml");

function jobOf(text: string, name = "a"): PipelineJob {
  const job = parse(text).pipeline.jobs.find((candidate) => candidate.name === name);
  if (job === undefined) throw new Error(`no job ${name}`);
  return job;
}

function problemsOf(text: string): string[] {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ place, message }) => `${place}: ${message}`);
    throw error;
  }
  return [];
}

const warningsOf = (text: string): string[] => parse(text).warnings.map(({ place, message }) => `${place}: ${message}`);

const textsOf = (job: PipelineJob): Record<string, string> =>
  Object.fromEntries(Object.entries(job.variables).map(([name, { text }]) => [name, text]));

it.each([
  ["not YAML", "a: [", "ci.yml:1: Expected YAML: Flow sequence"],
  ["a list", "- a", "ci.yml:1: Expected the file to be a mapping of jobs, got a list"],
  ["nothing", "", "ci.yml:1: Expected the file to be a mapping of jobs, got nothing"],
  ["two documents", "spec:\n  inputs: {}\n---\na: {script: x}", "ci.yml:3: Expected one YAML document"],
  ["no job", ".hidden:\n  script: x", "ci.yml:1: Expected at least one job that is not hidden, got none"],
  ["a job without script", "a:\n  stage: test", "ci.yml:1: Expected job `a` to have a `script`, got none"],
  ["a job that only triggers", "a:\n  trigger: other/project", "ci.yml:2: `a.trigger` is not supported"],
  ["an include", "include: other.yml\na: {script: x}", "ci.yml:1: `include` is not supported"],
  [
    "an empty script",
    "a:\n  script: []",
    "ci.yml:2: Expected `a.script` to be at least one command, got an empty list",
  ],
  [
    "a script of the wrong type",
    "a:\n  script: 5",
    "ci.yml:2: Expected `a.script` to be a text without NUL or a list of such",
  ],
  ["a command that holds NUL", 'a:\n  script: "x\\0"', "ci.yml:2: Expected `a.script` to be a text without NUL"],
  [
    "a command that is a mapping",
    "a:\n  script:\n    - echo x\n    - echo: y",
    'ci.yml:4: Expected `a.script` to be a text without NUL or a list of such, at most 10 lists deep; quote a command that holds ": ", got a mapping',
  ],
  [
    "lists too deep",
    `a:\n  script: ${"[".repeat(12)}x${"]".repeat(12)}`,
    "ci.yml:2: Expected `a.script` to be a text without NUL or a list of such, at most 10 lists deep, got a list",
  ],
  [
    "a typo",
    "a:\n  scripts: x\n  script: y",
    'ci.yml:2: Expected job `a` to hold known keywords, got "scripts" (did you mean "script"?)',
  ],
  [
    "a typo at the top",
    "variable: 5\na: {script: x}",
    'ci.yml:1: Expected `variable` to be a job, a mapping, got 5 (did you mean "variables"?)',
  ],
  [
    "an unknown stage",
    "stages: [build]\na:\n  stage: biuld\n  script: x",
    'ci.yml:3: Expected `a.stage` to be one of .pre, build, .post, got "biuld" (did you mean "build"?)',
  ],
  [
    "a missing default stage",
    "stages: [build]\na:\n  script: x",
    'ci.yml:2: Expected `a.stage` to be one of .pre, build, .post, got the default "test"',
  ],
  [
    "needs on nothing",
    "build: {script: x}\na:\n  script: x\n  needs: [biuld]",
    'ci.yml:4: Expected `a.needs` to name a job of this file, got "biuld" (did you mean "build"?)',
  ],
  [
    "needs on a hidden job",
    ".b: {script: x}\na:\n  script: x\n  needs: [.b]",
    "ci.yml:4: Expected `a.needs` to name a job of this file",
  ],
  [
    "needs on itself",
    "a:\n  script: x\n  needs: [a]",
    "ci.yml:3: Expected `a.needs` to lead to an end, got the cycle a → a",
  ],
  [
    "needs in a cycle",
    "a:\n  script: x\n  needs: [b]\nb:\n  script: x\n  needs: [a]",
    "ci.yml:6: Expected `b.needs` to lead to an end, got the cycle a → b → a",
  ],
  [
    "needs on a later stage",
    "a:\n  stage: build\n  script: x\n  needs: [b]\nb: {script: x}",
    'ci.yml:4: Expected `a.needs` to name jobs of its own stage (build) or an earlier one, got "b" of test',
  ],
  ["needs of another type", "a:\n  script: x\n  needs: b", "ci.yml:3: Expected `a.needs` to be a list of jobs"],
  [
    "parallel of 0",
    "a:\n  script: x\n  parallel: 0",
    "ci.yml:3: Expected `a.parallel` to be an integer from 1 to 200 or a `matrix`, got 0",
  ],
  [
    "parallel of 201",
    "a:\n  script: x\n  parallel: 201",
    "ci.yml:3: Expected `a.parallel` to be an integer from 1 to 200",
  ],
  ["parallel of a word", "a:\n  script: x\n  parallel: two", "ci.yml:3: Expected `a.parallel` to be an integer"],
  [
    "a matrix too large",
    `a:\n  script: x\n  parallel:\n    matrix:\n      - A: [${Array.from({ length: 15 }, (_, i) => i)}]\n        B: [${Array.from({ length: 15 }, (_, i) => i)}]`,
    "ci.yml:4: Expected `a.parallel.matrix` to make at most 200 jobs",
  ],
  [
    "a duplicate job",
    "a: {script: x}\na: {script: y}",
    "ci.yml:2: Expected each key to stand once in its mapping, got `a` again",
  ],
  [
    "a duplicate keyword",
    "a:\n  script: x\n  image: y\n  script: z",
    "ci.yml:4: Expected each key to stand once in its mapping, got `script` again",
  ],
  [
    "an image of the wrong type",
    "a:\n  script: x\n  image: [y]",
    "ci.yml:3: Expected `a.image` to be an image's name or a mapping, got a list",
  ],
  [
    "an image without name",
    "a:\n  script: x\n  image:\n    entrypoint: []",
    "ci.yml:3: Expected `a.image` to be a mapping with `name`",
  ],
  [
    "an entrypoint that is text",
    "a:\n  script: x\n  image: {name: y, entrypoint: z}",
    'ci.yml:3: Expected `a.image.entrypoint` to be a list of texts, got "z"',
  ],
  [
    "an unknown pull policy",
    "a:\n  script: x\n  image: {name: y, pull_policy: alway}",
    'ci.yml:3: Expected `a.image.pull_policy` to be one of always, if-not-present, never, got "alway" (did you mean "always"?)',
  ],
  [
    "services that are no list",
    "a:\n  script: x\n  services: nginx",
    "ci.yml:3: Expected `a.services` to be a list of services",
  ],
  [
    "an unknown key of a service",
    "a:\n  script: x\n  services: [{name: y, aliases: z}]",
    'ci.yml:3: Expected `a.services[0]` to hold known keywords, got "aliases" (did you mean "alias"?)',
  ],
  [
    "variables that are a list",
    "a:\n  script: x\n  variables: [y]",
    "ci.yml:3: Expected `a.variables` to be a mapping of names to values",
  ],
  [
    "a variable that is a list",
    "a:\n  script: x\n  variables:\n    B: [y]",
    "ci.yml:4: Expected `a.variables.B` to be a single value without NUL, got a list",
  ],
  [
    "a variable's name that no shell takes",
    "a:\n  script: x\n  variables:\n    b-c: y",
    'ci.yml:4: Expected a variable\'s name to be letters, digits and _, got "b-c"',
  ],
  [
    "an unknown when",
    "a:\n  script: x\n  when: allways",
    'ci.yml:3: Expected `a.when` to be one of on_success, on_failure, always, manual, delayed, never, got "allways" (did you mean "always"?)',
  ],
  [
    "a timeout without sense",
    "a:\n  script: x\n  timeout: soon",
    'ci.yml:3: Expected `a.timeout` to be a duration up to 30 days like "1h 30m" or "90 minutes", got "soon"',
  ],
  [
    "allow_failure of a word",
    "a:\n  script: x\n  allow_failure: sometimes",
    "ci.yml:3: Expected `a.allow_failure` to be true, false or a mapping with `exit_codes`",
  ],
  [
    "an exit code out of range",
    "a:\n  script: x\n  allow_failure: {exit_codes: [256]}",
    "ci.yml:3: Expected `a.allow_failure.exit_codes` to be an exit code from 0 to 255",
  ],
  [
    "extends of nothing",
    ".base: {script: x}\na:\n  extends: .bse",
    'ci.yml:3: Expected `a.extends` to name a job of this file, got ".bse" (did you mean ".base"?)',
  ],
  ["extends in a cycle", "a:\n  extends: b\n  script: x\nb:\n  extends: a", "got a → b → a"],
  [
    "a reference to nothing",
    ".b: {script: [x]}\na:\n  script: !reference [.b, scrip]",
    "ci.yml:3: Expected `!reference` to name a keyword of this file, got [.b, scrip]",
  ],
  [
    "references in a cycle",
    "a:\n  script:\n    - !reference [b, script]\nb:\n  script:\n    - !reference [a, script]",
    "to lead to a value within 10 steps",
  ],
  ["an unknown alias", "a:\n  script: *nothing", "ci.yml:2: Expected an anchor `&nothing` above, got none"],
  [
    "an alias within its anchor",
    "a: &a\n  script: *a",
    "ci.yml:2: Expected `*a` to stand outside of its own anchor, got a cycle",
  ],
  [
    "image twice over",
    "image: x\ndefault:\n  image: y\na: {script: x}",
    "ci.yml:3: Expected `image` to stand at the top level or in `default`, got both",
  ],
  [
    "a typo in default",
    "default:\n  before_scripts: y\na: {script: x}",
    'ci.yml:2: Expected `default` to hold known keywords, got "before_scripts" (did you mean "before_script"?)',
  ],
])("refuses %s", (_, text, problem) => {
  const problems = problemsOf(text);

  expect(problems.filter((candidate) => candidate.includes(problem))).toHaveLength(1);
});

it("names every problem at once, in the order of the file", () => {
  const text = "a:\n  stage: nowhere\n  scripts: x\nb:\n  script: x\n  parallel: -1\n  needs: [c]";

  const lines = problemsOf(text).map((problem) => Number(problem.split(":")[1]));

  expect(lines).toEqual([1, 2, 3, 6, 7]);
});

it.each([
  ["artifacts", "a:\n  script: x\n  artifacts:\n    paths: [y]", "ci.yml:3: `artifacts` is not honoured"],
  ["retry of default", "default:\n  retry: 2\na: {script: x}", "ci.yml:2: `retry` is not honoured"],
  ["cache at the top", "cache: {}\na: {script: x}", "ci.yml:1: `cache` is not honoured"],
  ["workflow", "workflow:\n  rules: []\na: {script: x}", "ci.yml:1: `workflow` is not honoured"],
  [
    "rules",
    "a:\n  script: x\n  rules: [{if: $CI}]",
    'ci.yml:3: `rules` is not evaluated: job `a` starts only with --job "a"',
  ],
  [
    "when: delayed",
    "a:\n  script: x\n  when: delayed\n  start_in: 5 minutes",
    "ci.yml:3: `when: delayed` is not honoured",
  ],
  [
    "docker.platform",
    "a:\n  script: x\n  image: {name: y, docker: {platform: z}}",
    "ci.yml:3: `docker.platform` is not honoured",
  ],
  [
    "needs of another pipeline",
    "a:\n  script: x\n  needs: [{pipeline: y}]",
    "ci.yml:3: `needs:pipeline` is not honoured",
  ],
  [
    "artifacts of needs",
    "b: {script: x}\na:\n  script: x\n  needs: [{job: b, artifacts: true}]",
    "ci.yml:4: `needs:artifacts` is not honoured",
  ],
])("names %s with its line instead of ignoring it", (_, text, warning) => {
  const warnings = warningsOf(text);

  expect(warnings.filter((candidate) => candidate.startsWith(warning))).toHaveLength(1);
});

it("names a keyword once though many jobs inherit it", () => {
  const text = ".b:\n  cache: {}\na: {script: x, extends: .b}\nc: {script: x, extends: .b}";

  expect(warningsOf(text)).toEqual(["ci.yml:2: `cache` is not honoured: nothing is kept between jobs or runs"]);
});

it("says nothing about a file that it honours wholly", () => {
  expect(warningsOf("a:\n  script: x\n  image: y\n  tags: [z]")).toEqual([]);
});

it("gives a job the defaults that it does not set itself", () => {
  const text = `
default:
  image: node:22
  services: [redis]
  before_script: [prepare]
  after_script: tidy
  timeout: 10 minutes
  tags: [small]
a:
  script: x
  before_script: []
  image: {name: ruby, docker: {user: 1000}}
`;

  const job = jobOf(text);

  expect(job.image).toMatchObject({ name: "ruby", user: "1000" });
  expect(job.services).toEqual([{ name: "redis", aliases: [], variables: {} }]);
  expect(job.beforeScript).toEqual([]);
  expect(job.afterScript).toEqual(["tidy"]);
  expect(job.timeoutMs).toBe(600_000);
  expect(job.tags).toEqual(["small"]);
});

it("honours the deprecated global image, services, before_script and after_script", () => {
  const text = "image: x\nservices: [y]\nbefore_script: [b]\nafter_script: [c]\na: {script: s}";

  expect(jobOf(text)).toMatchObject({
    image: { name: "x" },
    services: [{ name: "y" }],
    beforeScript: ["b"],
    afterScript: ["c"],
  });
});

it("leaves out what inherit leaves out", () => {
  const text = `
default: {image: x, before_script: [b]}
variables: {A: "1", B: "2"}
a: {script: s, inherit: {default: [image], variables: [B]}}
b: {script: s, inherit: {default: false, variables: false}}
`;

  expect(jobOf(text)).toMatchObject({ image: { name: "x" }, beforeScript: [] });
  expect(textsOf(jobOf(text))).toEqual({ B: "2" });
  expect(jobOf(text, "b").image).toBeUndefined();
  expect(textsOf(jobOf(text, "b"))).toEqual({});
});

it("merges extends key by key, over several levels, the later of several and the job itself winning", () => {
  const text = `
.root:
  variables: {A: root, B: root, C: root, D: root}
  script: [root]
  image: {name: x, entrypoint: [e]}
.one: {extends: .root, variables: {B: one}, script: [one]}
.two: {variables: {C: two}}
a: {extends: [.one, .two], variables: {D: own}, image: {name: y}}
`;

  const job = jobOf(text);

  expect(textsOf(job)).toEqual({ A: "root", B: "one", C: "two", D: "own" });
  expect(job.script).toEqual(["one"]);
  expect(job.image).toMatchObject({ name: "y", entrypoint: ["e"] });
});

it("resolves anchors, merge keys and references", () => {
  const text = `
.steps: &steps
  - one
  - two
.base: &base
  image: x
  variables: {A: base}
.vars: {variables: {URL: "http://$HOST"}}
a:
  <<: *base
  image: y
  script:
    - *steps
    - !reference [.steps]
    - three
  variables:
    B: !reference [.vars, variables, URL]
`;

  const job = jobOf(text);

  expect(job.image).toEqual({ name: "y" });
  expect(job.script).toEqual(["one", "two", "one", "two", "three"]);
  expect(textsOf(job)).toEqual({ B: "http://$HOST" });
});

it("reads values as GitLab's YAML 1.1 turns them into text", () => {
  const text = `
a:
  script: x
  variables:
    YES: yes
    ONE: 1.0
    TWO: 1.10
    OCTAL: 012
    LETTER: y
    QUOTED: "1.10"
    NOTHING:
    DATE: 2024-01-01
    RAW: {value: $A, expand: false, description: d}
`;

  expect(textsOf(jobOf(text))).toEqual({
    YES: "true",
    ONE: "1.0",
    TWO: "1.1",
    OCTAL: "10",
    LETTER: "y",
    QUOTED: "1.10",
    NOTHING: "",
    DATE: "2024-01-01",
    RAW: "$A",
  });
  expect(jobOf(text).variables["RAW"]?.isRaw).toBe(true);
});

it("takes a variable named __proto__ as any other", () => {
  expect(textsOf(jobOf("a:\n  script: x\n  variables: {__proto__: y}"))).toEqual(
    Object.fromEntries([["__proto__", "y"]]),
  );
});

it("reads services with all that they may say", () => {
  const text = `
a:
  script: x
  services:
    - name: postgres:16
      alias: db, database
      entrypoint: [e]
      command: [c, d]
      variables: {POSTGRES_DB: app}
      pull_policy: [always, if-not-present]
`;

  expect(jobOf(text).services).toEqual([
    {
      name: "postgres:16",
      aliases: ["db", "database"],
      entrypoint: ["e"],
      command: ["c", "d"],
      variables: { POSTGRES_DB: { text: "app", isRaw: false } },
      pullPolicy: ["always", "if-not-present"],
    },
  ]);
});

it("numbers the jobs of parallel and lets needs mean all of them", () => {
  const { jobs } = parse("b: {script: x, stage: build, parallel: 2}\na: {script: x, needs: [b]}").pipeline;

  expect(jobs.map(({ name, node }) => [name, node])).toEqual([
    ["b 1/2", { index: 1, total: 2 }],
    ["b 2/2", { index: 2, total: 2 }],
    ["a", { index: 1, total: 1 }],
  ]);
  expect(jobs[2]?.needs).toEqual(["b 1/2", "b 2/2"]);
});

it("names the jobs of a matrix by their values, and lets needs choose among them", () => {
  const text = `
b:
  stage: build
  script: x
  parallel:
    matrix:
      - CLOUD: aws
        STACK: [web, db]
      - CLOUD: [gcp]
a: {script: x, needs: [{job: b, parallel: {matrix: [{CLOUD: aws, STACK: db}]}}]}
`;

  const { jobs } = parse(text).pipeline;

  expect(jobs.map(({ name }) => name)).toEqual(["b: [aws, web]", "b: [aws, db]", "b: [gcp]", "a"]);
  expect(jobs.slice(0, 3).map(textsOf)).toEqual([
    { CLOUD: "aws", STACK: "web" },
    { CLOUD: "aws", STACK: "db" },
    { CLOUD: "gcp" },
  ]);
  expect(jobs[3]?.needs).toEqual(["b: [aws, db]"]);
});

it("waits for earlier stages without needs, for nothing with empty needs, and drops optional ones that are missing", () => {
  const text = "a: {script: x}\nb: {script: x, needs: []}\nc: {script: x, needs: [{job: z, optional: true}, a]}";

  expect(parse(text).pipeline.jobs.map(({ needs }) => needs)).toEqual([undefined, [], ["a"]]);
});

it.each([
  ["when: manual", { when: "on_success", heldBack: { why: "manual", isBlocking: false }, allowFailure: true }],
  ["when: manual\n  allow_failure: false", { heldBack: { why: "manual", isBlocking: true }, allowFailure: false }],
  ["when: never", { heldBack: { why: "when: never", isBlocking: false } }],
  ["when: always", { when: "always", heldBack: undefined, allowFailure: false }],
  ["only: [main]", { heldBack: { why: "its rules are not evaluated", isBlocking: false } }],
  ["allow_failure: yes", { allowFailure: true }],
  ["allow_failure: {exit_codes: 3}", { allowFailure: { exitCodes: [3] } }],
])("reads %s", (keyword, expected) => {
  expect(jobOf(`a:\n  script: x\n  ${keyword}`)).toMatchObject(expected);
});

it("puts .pre first and .post last whatever stages says", () => {
  expect(parse("stages: [.post, one, two]\na: {script: x, stage: one}").pipeline.stages).toEqual([
    ".pre",
    "one",
    "two",
    ".post",
  ]);
});

it("reads a script of 10 MB", () => {
  const line = `echo ${"x".repeat(1000)}`;
  const text = `a:\n  script:\n    - |\n${`      ${line}\n`.repeat(10_000)}`;

  expect(jobOf(text).script[0]).toHaveLength(10_000 * (line.length + 1));
});

it("refuses lists of lists that grow without bound", () => {
  const levels = Array.from({ length: 8 }, (_, i) => `.l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(9)}*l${i}]`);
  const text = `.l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n${levels.join("\n")}\na:\n  script: *l8`;

  expect(problemsOf(text)).toEqual([expect.stringContaining("at most 100000 commands")]);
});
