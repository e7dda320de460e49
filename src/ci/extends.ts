import type { Diagnostics } from "./diagnostics.ts";
import { suggestionFor } from "./suggest.ts";
import type { Yaml, YamlEntry, YamlMap } from "./yaml.ts";

/** GitLab's bound on jobs that extend jobs. */
const MAX_NESTING = 10;

/** Answers a job by its name with all that it `extends` merged in, or undefined when there is no such mapping. */
export type ExtendedJob = (name: string) => YamlMap | undefined;

/**
 * Resolves `extends`: mappings are merged key by key, all else is replaced; of several, the later wins, and the job itself
 * over all. Cycles, unknown names and more than ten levels are errors.
 */
export function resolveExtends(root: YamlMap, diagnostics: Diagnostics): ExtendedJob {
  const resolved = new Map<string, YamlMap>();

  function resolve(name: string, trail: readonly string[]): YamlMap | undefined {
    const known = resolved.get(name);
    if (known !== undefined) return known;
    const job = root.entries.get(name)?.value;
    if (job?.kind !== "map") return undefined;
    const entry = job.entries.get("extends");
    const bases = entry === undefined ? [] : basesOf(name, entry, [...trail, name]);
    const own: YamlMap = { ...job, entries: new Map([...job.entries].filter(([key]) => key !== "extends")) };
    const merged = [...bases, own].reduce(mergeMaps);
    resolved.set(name, merged);
    return merged;
  }

  function basesOf(name: string, { line, value }: YamlEntry, trail: readonly string[]): YamlMap[] {
    const items = value.kind === "list" ? value.items : [value];
    return items.flatMap((item) => {
      if (item.kind !== "scalar" || typeof item.value !== "string") {
        diagnostics.error(line, `Expected \`${name}.extends\` to be the name of a job or a list of them`);
        return [];
      }
      const base = item.value;
      if (trail.includes(base) || trail.length > MAX_NESTING) {
        const rule = `Expected \`${name}.extends\` to come to an end within ${MAX_NESTING} levels`;
        diagnostics.error(line, `${rule}, got ${[...trail, base].join(" → ")}`);
        return [];
      }
      const map = resolve(base, trail);
      if (map !== undefined) return [map];
      const hint = suggestionFor(base, [...root.entries.keys()]);
      diagnostics.error(line, `Expected \`${name}.extends\` to name a job of this file, got "${base}"${hint}`);
      return [];
    });
  }

  return (name) => resolve(name, []);
}

function mergeMaps(base: YamlMap, over: YamlMap): YamlMap {
  const entries = new Map(base.entries);
  for (const [key, { line, value }] of over.entries) {
    const below = entries.get(key)?.value;
    entries.set(key, { line, value: below === undefined ? value : mergeValues(below, value) });
  }
  return { ...over, entries };
}

function mergeValues(base: Yaml, over: Yaml): Yaml {
  return base.kind === "map" && over.kind === "map" ? mergeMaps(base, over) : over;
}
