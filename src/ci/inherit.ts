import type { Diagnostics } from "./diagnostics.ts";
import { fieldOf, readTexts, refuse, refuseUnknownKeys } from "./fields.ts";
import type { Field } from "./fields.ts";

/** What a job takes from `default:` and from the global `variables:`. */
export interface Inherit {
  hasDefault(keyword: string): boolean;
  hasVariable(name: string): boolean;
}

/** Reads `inherit`: for defaults and variables true, false, or a list of names. Without it a job takes all. */
export function readInherit(field: Field | undefined, diagnostics: Diagnostics): Inherit {
  const all = (): boolean => true;
  if (field === undefined) return { hasDefault: all, hasVariable: all };
  if (field.value.kind !== "map") {
    refuse(field, "a mapping with `default` and `variables`", diagnostics);
    return { hasDefault: all, hasVariable: all };
  }
  refuseUnknownKeys(field.value, field.name, ["default", "variables"], diagnostics);
  return {
    hasDefault: readChoice(fieldOf(field.value, field.name, "default"), diagnostics),
    hasVariable: readChoice(fieldOf(field.value, field.name, "variables"), diagnostics),
  };
}

function readChoice(field: Field | undefined, diagnostics: Diagnostics): (name: string) => boolean {
  if (field === undefined) return () => true;
  const { value } = field;
  if (value.kind === "scalar" && typeof value.value === "boolean") {
    const isInherited = value.value;
    return () => isInherited;
  }
  if (value.kind === "list") {
    const names = readTexts(field, diagnostics) ?? [];
    return (name) => names.includes(name);
  }
  refuse(field, "true, false or a list of names", diagnostics);
  return () => true;
}
