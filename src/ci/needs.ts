import type { Diagnostics } from "./diagnostics.ts";
import { fieldOf, readText, refuse, refuseUnknownKeys } from "./fields.ts";
import type { Field } from "./fields.ts";
import { readMatrix } from "./parallel.ts";
import type { YamlMap } from "./yaml.ts";

/** A job that another waits for, as the file names it. */
export interface Need {
  readonly line: number;
  /** The name in the file; every job that it becomes is meant, unless `instanceNames` says which. */
  readonly jobName: string;
  readonly instanceNames?: readonly string[] | undefined;
  /** Whether it may be missing from the file. */
  readonly isOptional: boolean;
}

const NEED_KEYS = ["job", "artifacts", "optional", "parallel", "project", "pipeline", "ref"];

/** Reads `needs`: a list of names and mappings. */
export function readNeeds(field: Field, diagnostics: Diagnostics): Need[] | undefined {
  if (field.value.kind !== "list") return refuse(field, "a list of jobs", diagnostics);
  return field.value.items.flatMap((value, index) => {
    const item: Field = { name: `${field.name}[${index}]`, line: value.line, value };
    const need = value.kind === "map" ? readMapping(value, item, diagnostics) : readName(item, diagnostics);
    return need === undefined ? [] : [need];
  });
}

function readName(field: Field, diagnostics: Diagnostics): Need | undefined {
  const jobName = field.value.kind === "scalar" && field.value.text !== "" ? field.value.text : undefined;
  if (jobName === undefined) return refuse(field, "a job's name or a mapping", diagnostics);
  return { line: field.line, jobName, isOptional: false };
}

function readMapping(map: YamlMap, field: Field, diagnostics: Diagnostics): Need | undefined {
  refuseUnknownKeys(map, field.name, NEED_KEYS, diagnostics);
  for (const key of ["project", "pipeline"]) {
    const elsewhere = fieldOf(map, field.name, key);
    if (elsewhere === undefined) continue;
    diagnostics.warn(elsewhere.line, `\`needs:${key}\` is not honoured: jobs of other pipelines are not waited for`);
    return undefined;
  }
  const artifacts = fieldOf(map, field.name, "artifacts");
  if (artifacts?.value.kind === "scalar" && artifacts.value.value === true) {
    diagnostics.warn(artifacts.line, "`needs:artifacts` is not honoured: files that a job leaves are not passed on");
  }
  const job = fieldOf(map, field.name, "job");
  if (job === undefined) return refuse(field, "a mapping with `job`", diagnostics);
  const jobName = readText(job, diagnostics);
  const optional = fieldOf(map, field.name, "optional");
  if (jobName === undefined) return undefined;
  return {
    line: field.line,
    jobName,
    instanceNames: readInstanceNames(jobName, fieldOf(map, field.name, "parallel"), diagnostics),
    isOptional: optional?.value.kind === "scalar" && optional.value.value === true,
  };
}

function readInstanceNames(jobName: string, field: Field | undefined, diagnostics: Diagnostics): string[] | undefined {
  if (field === undefined) return undefined;
  const matrix = field.value.kind === "map" ? fieldOf(field.value, field.name, "matrix") : undefined;
  if (matrix === undefined) return refuse(field, "a mapping with `matrix`", diagnostics);
  return readMatrix(jobName, matrix, diagnostics).map(({ name }) => name);
}
