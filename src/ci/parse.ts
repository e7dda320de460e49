import { ConfigError } from "../domain/errors.ts";
import type { Problem } from "../domain/errors.ts";
import { createDiagnostics } from "./diagnostics.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { resolveExtends } from "./extends.ts";
import { fieldOf, readTexts, showValue } from "./fields.ts";
import { readJob } from "./job.ts";
import type { JobDraft, Surroundings } from "./job.ts";
import {
  DEFAULT_KEYWORDS,
  GLOBAL_KEYWORDS,
  REFUSED_GLOBALS,
  UNHONOURED_DEFAULTS,
  UNHONOURED_GLOBALS,
  UNHONOURED_KEYWORDS,
} from "./keywords.ts";
import { linkJobs } from "./link.ts";
import type { Pipeline } from "./model.ts";
import { resolveReferences } from "./references.ts";
import { suggestionFor } from "./suggest.ts";
import { readVariables } from "./variables.ts";
import { parseYaml } from "./yaml.ts";
import type { YamlEntry, YamlMap } from "./yaml.ts";

/** A pipeline, and what of its file is not honoured. */
export interface ParsedPipeline {
  readonly pipeline: Pipeline;
  /** In the order of the file. */
  readonly warnings: readonly Problem[];
}

/** Source: https://docs.gitlab.com/ci/yaml/#stages */
const DEFAULT_STAGES = ["build", "test", "deploy"];

/**
 * Reads a .gitlab-ci.yml.
 * @param fileName how messages name it.
 * @throws ConfigError `pipeline-invalid` with every problem and its line.
 */
export function parsePipeline(text: string, fileName: string): ParsedPipeline {
  const diagnostics = createDiagnostics(fileName);
  const pipeline = readPipeline(text, diagnostics);
  if (pipeline === undefined || diagnostics.hasErrors()) throw new ConfigError(diagnostics.errors, "pipeline-invalid");
  return { pipeline, warnings: diagnostics.warnings };
}

function readPipeline(text: string, diagnostics: Diagnostics): Pipeline | undefined {
  const raw = parseYaml(text, diagnostics);
  if (raw === undefined) return undefined;
  const root = resolveReferences(raw, diagnostics);
  const extended = resolveExtends(root, diagnostics);
  const surroundings = readSurroundings(root, diagnostics);
  const stages = readStages(root, diagnostics);
  const drafts: JobDraft[] = [];
  for (const [name, entry] of root.entries) {
    const job = isJob(name, entry, diagnostics) ? extended(name) : undefined;
    if (job !== undefined) drafts.push(readJob(name, entry.line, job, surroundings, diagnostics));
  }
  if (drafts.length === 0) diagnostics.error(1, "Expected at least one job that is not hidden, got none");
  return { stages, jobs: linkJobs(drafts, stages, diagnostics) };
}

function isJob(name: string, { line, value }: YamlEntry, diagnostics: Diagnostics): boolean {
  if (name.startsWith(".") || GLOBAL_KEYWORDS.some((keyword) => keyword === name)) return false;
  const refused = Object.hasOwn(REFUSED_GLOBALS, name) ? REFUSED_GLOBALS[name] : undefined;
  const unhonoured = Object.hasOwn(UNHONOURED_GLOBALS, name) ? UNHONOURED_GLOBALS[name] : undefined;
  if (refused !== undefined) diagnostics.error(line, `\`${name}\` is not supported: ${refused}`);
  else if (unhonoured !== undefined) diagnostics.warn(line, `\`${name}\` is not honoured: ${unhonoured}`);
  else if (value.kind === "map") return true;
  else {
    const hint = suggestionFor(name, [...GLOBAL_KEYWORDS, ...Object.keys(REFUSED_GLOBALS)]);
    diagnostics.error(line, `Expected \`${name}\` to be a job, a mapping, got ${showValue(value)}${hint}`);
  }
  return false;
}

function readSurroundings(root: YamlMap, diagnostics: Diagnostics): Surroundings {
  const variables = fieldOf(root, "", "variables");
  return {
    defaults: readDefaults(root, diagnostics),
    variables: variables === undefined ? {} : readVariables({ ...variables, name: "variables" }, diagnostics),
  };
}

/** Gathers `default:` and the deprecated top-level keys that mean the same. */
function readDefaults(root: YamlMap, diagnostics: Diagnostics): YamlMap {
  const entries = new Map<string, YamlEntry>();
  for (const key of DEFAULT_KEYWORDS) {
    const entry = GLOBAL_KEYWORDS.some((global) => global === key) ? root.entries.get(key) : undefined;
    if (entry !== undefined) entries.set(key, entry);
  }
  const given = fieldOf(root, "", "default");
  if (given !== undefined && given.value.kind !== "map") {
    diagnostics.error(given.line, `Expected \`default\` to be a mapping, got ${showValue(given.value)}`);
  }
  for (const [key, entry] of given?.value.kind === "map" ? given.value.entries : []) {
    const known = [...DEFAULT_KEYWORDS, ...UNHONOURED_DEFAULTS];
    if (entries.has(key)) {
      diagnostics.error(entry.line, `Expected \`${key}\` to stand at the top level or in \`default\`, got both`);
    } else if (UNHONOURED_DEFAULTS.includes(key)) {
      diagnostics.warn(entry.line, `\`${key}\` is not honoured: ${UNHONOURED_KEYWORDS[key]}`);
    } else if (known.includes(key)) {
      entries.set(key, entry);
    } else {
      diagnostics.error(
        entry.line,
        `Expected \`default\` to hold known keywords, got "${key}"${suggestionFor(key, known)}`,
      );
    }
  }
  return { kind: "map", line: given?.line ?? root.line, entries };
}

function readStages(root: YamlMap, diagnostics: Diagnostics): string[] {
  const field = fieldOf(root, "", "stages");
  const named =
    field === undefined ? DEFAULT_STAGES : (readTexts({ ...field, name: "stages" }, diagnostics) ?? DEFAULT_STAGES);
  return [".pre", ...new Set(named.filter((stage) => stage !== ".pre" && stage !== ".post")), ".post"];
}
