import { readImage, readServices } from "./containers.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { parseGitlabDuration } from "./duration.ts";
import { fieldOf, readCommands, readTexts, readWord, refuse } from "./fields.ts";
import type { Field } from "./fields.ts";
import { readInherit } from "./inherit.ts";
import { JOB_KEYWORDS, REFUSED_KEYWORDS, SELECTING_KEYWORDS, UNHONOURED_KEYWORDS } from "./keywords.ts";
import type { AllowFailure, HeldBack, PipelineJob, Variables } from "./model.ts";
import { readNeeds } from "./needs.ts";
import type { Need } from "./needs.ts";
import { readInstances } from "./parallel.ts";
import { suggestionFor } from "./suggest.ts";
import { readVariables } from "./variables.ts";
import type { YamlMap } from "./yaml.ts";

/** What a job inherits from the rest of the file. */
export interface Surroundings {
  readonly defaults: YamlMap;
  readonly variables: Variables;
}

/** A job of the file, before its needs are looked up. */
export interface JobDraft {
  readonly name: string;
  readonly line: number;
  /** As named in the file; absent: the default one. */
  readonly stage?: Field | undefined;
  readonly needs?: readonly Need[] | undefined;
  /** The jobs that it becomes, without stage and needs. */
  readonly instances: readonly Omit<PipelineJob, "stage" | "needs">[];
}

const WHENS = ["on_success", "on_failure", "always", "manual", "delayed", "never"] as const;
const KNOWN = [
  ...JOB_KEYWORDS,
  ...SELECTING_KEYWORDS,
  ...Object.keys(UNHONOURED_KEYWORDS),
  ...Object.keys(REFUSED_KEYWORDS),
];

/** Reads one job, `extends` already merged in. */
export function readJob(
  name: string,
  line: number,
  map: YamlMap,
  surroundings: Surroundings,
  diagnostics: Diagnostics,
): JobDraft {
  checkKeywords(name, map, diagnostics);
  const inherit = readInherit(fieldOf(map, name, "inherit"), diagnostics);
  const own = (key: string): Field | undefined => fieldOf(map, name, key);
  const inherited = (key: string): Field | undefined =>
    own(key) ?? (inherit.hasDefault(key) ? fieldOf(surroundings.defaults, "default", key) : undefined);
  const commands = (field: Field | undefined): string[] => (field && readCommands(field, diagnostics)) ?? [];

  const image = inherited("image");
  const services = inherited("services");
  const tags = inherited("tags");
  const timeout = inherited("timeout");
  const variables = own("variables");
  const needs = own("needs");
  const globals = Object.entries(surroundings.variables).filter(([key]) => inherit.hasVariable(key));
  const ownVariables = variables === undefined ? {} : readVariables(variables, diagnostics);
  const shared = {
    baseName: name,
    line,
    image: image && readImage(image, diagnostics),
    services: (services && readServices(services, diagnostics)) ?? [],
    beforeScript: commands(inherited("before_script")),
    script: readScript(name, line, map, diagnostics),
    afterScript: commands(inherited("after_script")),
    ...readWhen(map, name, diagnostics),
    timeoutMs: timeout && readTimeout(timeout, diagnostics),
    tags: (tags && readTexts(tags, diagnostics)) ?? [],
  };
  const instances = readInstances(name, own("parallel"), diagnostics).map((instance) => ({
    ...shared,
    name: instance.name,
    node: { index: instance.index, total: instance.total },
    variables: { ...Object.fromEntries(globals), ...ownVariables, ...instance.variables },
  }));
  return { name, line, stage: own("stage"), needs: needs && readNeeds(needs, diagnostics), instances };
}

function checkKeywords(name: string, map: YamlMap, diagnostics: Diagnostics): void {
  for (const [key, { line }] of map.entries) {
    const unhonoured = Object.hasOwn(UNHONOURED_KEYWORDS, key) ? UNHONOURED_KEYWORDS[key] : undefined;
    const refused = Object.hasOwn(REFUSED_KEYWORDS, key) ? REFUSED_KEYWORDS[key] : undefined;
    if (unhonoured !== undefined) diagnostics.warn(line, `\`${key}\` is not honoured: ${unhonoured}`);
    else if (refused !== undefined) diagnostics.error(line, `\`${name}.${key}\` is not supported: ${refused}`);
    else if (!KNOWN.includes(key)) {
      diagnostics.error(
        line,
        `Expected job \`${name}\` to hold known keywords, got "${key}"${suggestionFor(key, KNOWN)}`,
      );
    }
  }
}

function readScript(name: string, line: number, map: YamlMap, diagnostics: Diagnostics): string[] {
  const field = fieldOf(map, name, "script");
  const isElsewise = Object.keys(REFUSED_KEYWORDS).some((key) => map.entries.has(key));
  if (field === undefined) {
    if (!isElsewise) diagnostics.error(line, `Expected job \`${name}\` to have a \`script\`, got none`);
    return [];
  }
  const script = readCommands(field, diagnostics);
  if (script?.every((command) => command.trim() === "")) refuse(field, "at least one command", diagnostics);
  return script ?? [];
}

function readTimeout(field: Field, diagnostics: Diagnostics): number | undefined {
  const text = field.value.kind === "scalar" ? field.value.text : "";
  return (
    parseGitlabDuration(text) ?? refuse(field, 'a duration up to 30 days like "1h 30m" or "90 minutes"', diagnostics)
  );
}

type Start = Pick<PipelineJob, "when" | "heldBack" | "allowFailure">;

/** Reads what decides when a job starts, and what its failure means. */
function readWhen(map: YamlMap, name: string, diagnostics: Diagnostics): Start {
  const field = fieldOf(map, name, "when");
  const word = (field && readWord(field, WHENS, diagnostics)) ?? "on_success";
  const allowed = readAllowFailure(fieldOf(map, name, "allow_failure"), diagnostics);
  if (word === "delayed")
    diagnostics.warn(field?.line ?? 0, "`when: delayed` is not honoured: the job starts without the delay");
  const selecting = SELECTING_KEYWORDS.map((key) => fieldOf(map, name, key)).find((found) => found !== undefined);
  // What a rule would keep out may deploy or destroy, so a job whose rules nobody evaluates must not start by itself.
  if (selecting !== undefined) {
    const key = selecting.name.slice(name.length + 1);
    const consequence = `job \`${name}\` starts only with --job "${name}"`;
    diagnostics.warn(selecting.line, `\`${key}\` is not evaluated: ${consequence}`);
  }
  const start = word === "on_failure" || word === "always" ? word : "on_success";
  return {
    when: start,
    heldBack:
      selecting === undefined ? heldBackFrom(word, allowed) : { why: "its rules are not evaluated", isBlocking: false },
    // GitLab lets a manual job fail unless it says otherwise. Source: https://docs.gitlab.com/ci/yaml/#whenmanual
    allowFailure: allowed ?? word === "manual",
  };
}

function heldBackFrom(word: (typeof WHENS)[number], allowed: AllowFailure | undefined): HeldBack | undefined {
  if (word === "manual") return { why: "manual", isBlocking: allowed === false };
  return word === "never" ? { why: "when: never", isBlocking: false } : undefined;
}

function readAllowFailure(field: Field | undefined, diagnostics: Diagnostics): AllowFailure | undefined {
  if (field === undefined) return undefined;
  const { value } = field;
  if (value.kind === "scalar" && typeof value.value === "boolean") return value.value;
  const rule = "true, false or a mapping with `exit_codes`";
  const codes = value.kind === "map" ? fieldOf(value, field.name, "exit_codes") : undefined;
  if (codes === undefined) return refuse(field, rule, diagnostics);
  const items = codes.value.kind === "list" ? codes.value.items : [codes.value];
  const exitCodes = items.flatMap((item) => {
    const code = item.kind === "scalar" ? item.value : undefined;
    return typeof code === "number" && Number.isInteger(code) && code >= 0 && code <= 255 ? [code] : [];
  });
  if (exitCodes.length < items.length || items.length === 0) {
    return refuse(codes, "an exit code from 0 to 255 or a list of them", diagnostics);
  }
  return { exitCodes };
}
