import type { Diagnostics } from "./diagnostics.ts";
import { fieldOf, refuse, refuseUnknownKeys } from "./fields.ts";
import type { Field } from "./fields.ts";
import type { Variables, VariableText } from "./model.ts";
import type { Yaml, YamlMap } from "./yaml.ts";

/** What a variable's name may be: what every shell can export. */
export const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Reads `variables`: names to values, or to mappings with `value`. */
export function readVariables(field: Field, diagnostics: Diagnostics): Variables {
  if (field.value.kind !== "map") {
    refuse(field, "a mapping of names to values", diagnostics);
    return {};
  }
  const variables: Record<string, VariableText> = {};
  for (const [name, { line, value }] of field.value.entries) {
    const variable = readVariable({ name: `${field.name}.${name}`, line, value }, diagnostics);
    if (!VARIABLE_NAME.test(name)) {
      diagnostics.error(line, `Expected a variable's name to be letters, digits and _, got "${name}"`);
    } else if (variable !== undefined) {
      Object.defineProperty(variables, name, { value: variable, enumerable: true });
    }
  }
  return variables;
}

function readVariable(field: Field, diagnostics: Diagnostics): VariableText | undefined {
  if (field.value.kind === "map") return readDescribed(field.value, field, diagnostics);
  const text = readValue(field.value);
  return text === undefined ? refuse(field, "a single value without NUL", diagnostics) : { text, isRaw: false };
}

function readDescribed(map: YamlMap, field: Field, diagnostics: Diagnostics): VariableText | undefined {
  refuseUnknownKeys(map, field.name, ["value", "description", "options", "expand"], diagnostics);
  const value = fieldOf(map, field.name, "value");
  const expand = fieldOf(map, field.name, "expand");
  const text = value === undefined ? "" : readValue(value.value);
  if (value !== undefined && text === undefined) return refuse(value, "a single value without NUL", diagnostics);
  const isRaw = expand?.value.kind === "scalar" && expand.value.value === false;
  return { text: text ?? "", isRaw };
}

function readValue(value: Yaml): string | undefined {
  return value.kind === "scalar" && !value.text.includes("\0") ? value.text : undefined;
}
