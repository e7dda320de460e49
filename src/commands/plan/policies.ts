import type { DesiredPool } from "../../domain/pool.ts";
import type { AskedPolicy } from "../../planning/capacity/asked.ts";
import { countFrom, numberFrom, shareFrom, usage, waitFrom } from "./options.ts";

/** A policy of the command line. */
export interface NamedPolicy {
  /** As it was written. */
  readonly name: string;
  readonly asked: AskedPolicy;
}

/** What policies take for what they leave open. */
export interface Goal {
  readonly waitMs: number;
  readonly share: number;
}

const PLACE = "--policy";

/**
 * Reads policies such as `static:3`, `scale_factor:0.5,min=1`, `target:wait=5s,share=0.95` and `config`.
 * @param poolOf answers the configured pool, or throws who tells why there is none.
 * @throws ConfigError that says what is wrong.
 */
export function policiesFrom(texts: readonly string[], goal: Goal, poolOf: () => DesiredPool): NamedPolicy[] {
  return texts.map((name) => ({ name, asked: policyFromText(name, goal, poolOf) }));
}

/** The wait and the share of the first target among them: what all are judged by where nothing else says. */
export function goalFrom(texts: readonly string[], fallback: Goal): Goal {
  const target = texts.find((text) => /^target(?::|$)/.test(text));
  if (target === undefined) return fallback;
  const asked = policyFromText(target, fallback, () => {
    throw new Error("a target needs no pool");
  });
  return asked.kind === "target" ? { waitMs: asked.waitMs, share: asked.share } : fallback;
}

function policyFromText(text: string, goal: Goal, poolOf: () => DesiredPool): AskedPolicy {
  const [kind = "", ...rest] = text.trim().split(":");
  const parts = rest.join(":") === "" ? [] : rest.join(":").split(",");
  switch (kind) {
    case "static": {
      const [level, ...more] = parts;
      if (level === undefined || more.length > 0) throw usage(PLACE, `Expected static:COUNT, got "${text}"`);
      return { kind, level: countFrom(`${PLACE} ${text}`, level, 0) };
    }
    case "scale_factor": {
      const [factor = "", ...others] = parts;
      const { min = "1", max } = namedFrom(text, others, ["min", "max"]);
      const place = `${PLACE} ${text}`;
      return {
        kind,
        factor: numberFrom(place, factor, 100),
        min: countFrom(place, min, 0),
        max: max === undefined ? Infinity : countFrom(place, max, 0),
      };
    }
    case "target": {
      const { wait, share } = namedFrom(text, parts, ["wait", "share"]);
      const place = `${PLACE} ${text}`;
      return {
        kind,
        waitMs: wait === undefined ? goal.waitMs : waitFrom(place, wait),
        share: share === undefined ? goal.share : shareFrom(place, share),
      };
    }
    case "config":
      if (parts.length > 0) throw usage(PLACE, `Expected config alone, got "${text}"`);
      return { kind: "pool", pool: poolOf() };
    default:
      throw usage(PLACE, `Expected static, scale_factor, target or config, got "${text}"`);
  }
}

function namedFrom<const Name extends string>(
  text: string,
  parts: readonly string[],
  names: readonly Name[],
): { readonly [Key in Name]?: string } {
  const pairs = parts.map((part) => {
    const [name = "", ...value] = part.split("=");
    if (!(names as readonly string[]).includes(name.trim()) || value.length === 0)
      throw usage(PLACE, `Expected ${names.map((each) => `${each}=…`).join(" or ")}, got "${part}" in "${text}"`);
    return [name.trim(), value.join("=")] as const;
  });
  return Object.fromEntries(pairs) as { readonly [Key in Name]?: string };
}
