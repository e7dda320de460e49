import type { Diagnostics } from "./diagnostics.ts";
import { fieldOf, refuse, refuseUnknownKeys } from "./fields.ts";
import type { Field } from "./fields.ts";
import type { Variables, VariableText } from "./model.ts";
import { VARIABLE_NAME } from "./variables.ts";
import type { YamlMap } from "./yaml.ts";

/** GitLab's bound on the jobs of one `parallel`. */
const MAX_PARALLEL = 200;

/** One of the jobs that a job in the file becomes. */
export interface Instance {
  readonly name: string;
  readonly index: number;
  readonly total: number;
  /** What the matrix sets. */
  readonly variables: Variables;
}

/** Names the jobs that one job becomes: itself without `parallel`. */
export function readInstances(jobName: string, field: Field | undefined, diagnostics: Diagnostics): Instance[] {
  const alone = [{ name: jobName, index: 1, total: 1, variables: {} }];
  if (field === undefined) return alone;
  if (field.value.kind === "map") {
    refuseUnknownKeys(field.value, field.name, ["matrix"], diagnostics);
    const matrix = fieldOf(field.value, field.name, "matrix");
    if (matrix !== undefined) return readMatrix(jobName, matrix, diagnostics);
  }
  const total = field.value.kind === "scalar" ? field.value.value : undefined;
  if (typeof total !== "number" || !Number.isInteger(total) || total < 1 || total > MAX_PARALLEL) {
    refuse(field, `an integer from 1 to ${MAX_PARALLEL} or a \`matrix\``, diagnostics);
    return alone;
  }
  return Array.from({ length: total }, (_, index) => {
    return { name: `${jobName} ${index + 1}/${total}`, index: index + 1, total, variables: {} };
  });
}

/** Names the jobs of a `matrix`: `deploy: [aws, web]`, one for each way to choose one value a variable. */
export function readMatrix(jobName: string, field: Field, diagnostics: Diagnostics): Instance[] {
  const { value } = field;
  const rows = value.kind === "list" ? value.items : [];
  if (rows.length === 0) refuse(field, "a list of mappings of variables to values", diagnostics);
  const choices: Variables[] = [];
  for (const [index, row] of rows.entries()) {
    const rowField: Field = { name: `${field.name}[${index}]`, line: row.line, value: row };
    if (row.kind === "map") choices.push(...choicesOf(row, rowField, diagnostics));
    else refuse(rowField, "a mapping of variables to values", diagnostics);
  }
  if (choices.length > MAX_PARALLEL) {
    diagnostics.error(field.line, `Expected \`${field.name}\` to make at most ${MAX_PARALLEL} jobs, got more`);
    choices.length = 0;
  }
  return choices.map((variables, index) => {
    const name = `${jobName}: [${Object.values(variables)
      .map(({ text }) => text)
      .join(", ")}]`;
    return { name, index: index + 1, total: choices.length, variables };
  });
}

function choicesOf(row: YamlMap, field: Field, diagnostics: Diagnostics): Variables[] {
  let choices: Record<string, VariableText>[] = [{}];
  for (const [name, { line, value }] of row.entries) {
    const values = value.kind === "list" ? value.items : [value];
    const texts = values.flatMap((item) => (item.kind === "scalar" ? [item.text] : []));
    if (!VARIABLE_NAME.test(name)) {
      diagnostics.error(line, `Expected a variable's name to be letters, digits and _, got "${name}"`);
    } else if (texts.length === 0 || texts.length < values.length) {
      refuse({ name: `${field.name}.${name}`, line, value }, "a value or a list of values", diagnostics);
    } else if (choices.length <= MAX_PARALLEL) {
      choices = choices.flatMap((choice) => texts.map((text) => ({ ...choice, [name]: { text, isRaw: false } })));
    }
  }
  return choices;
}
