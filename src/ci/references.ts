import type { Diagnostics } from "./diagnostics.ts";
import { suggestionFor } from "./suggest.ts";
import type { Yaml, YamlEntry, YamlMap } from "./yaml.ts";

/** GitLab's bound on references that lead to references. */
const MAX_NESTING = 10;

/** Replaces each `!reference [job, keyword, …]` by what it names. Cycles and references to nothing are errors. */
export function resolveReferences(root: YamlMap, diagnostics: Diagnostics): YamlMap {
  const resolved = new Map<Yaml, Yaml>();

  function resolve(value: Yaml, trail: readonly string[]): Yaml {
    const known = resolved.get(value);
    if (known !== undefined) return known;
    const result = resolveNew(value, trail);
    resolved.set(value, result);
    return result;
  }

  function resolveNew(value: Yaml, trail: readonly string[]): Yaml {
    switch (value.kind) {
      case "scalar":
        return value;
      case "list":
        return { ...value, items: value.items.map((item) => resolve(item, trail)) };
      case "map":
        return mapOf(value, (entry) => resolve(entry, trail));
      case "reference": {
        const name = value.path.join(", ");
        const nothing: Yaml = { kind: "scalar", line: value.line, value: null, text: "" };
        if (trail.includes(name) || trail.length >= MAX_NESTING) {
          const rule = `Expected \`!reference [${name}]\` to lead to a value within ${MAX_NESTING} steps`;
          diagnostics.error(value.line, `${rule}, got ${[...trail, name].map((step) => `[${step}]`).join(" → ")}`);
          return nothing;
        }
        const target = lookUp(value.path);
        if (target !== undefined) return resolve(target, [...trail, name]);
        const hint = suggestionFor(value.path[0] ?? "", [...root.entries.keys()]);
        diagnostics.error(value.line, `Expected \`!reference\` to name a keyword of this file, got [${name}]${hint}`);
        return nothing;
      }
    }
  }

  function lookUp(path: readonly string[]): Yaml | undefined {
    if (path.length === 0) return undefined;
    return path.reduce<Yaml | undefined>(
      (value, key) => (value?.kind === "map" ? value.entries.get(key)?.value : undefined),
      root,
    );
  }

  return mapOf(root, (value) => resolve(value, []));
}

function mapOf(map: YamlMap, change: (value: Yaml) => Yaml): YamlMap {
  const entries = [...map.entries].map(([key, { line, value }]): [string, YamlEntry] => [
    key,
    { line, value: change(value) },
  ]);
  return { ...map, entries: new Map(entries) };
}
