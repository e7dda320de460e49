import type { Draw } from "../../src/simulation/draw.ts";

/** What one edit makes of the file. */
export interface Edit {
  readonly text: string;
  /** Whether a running manager can apply it. */
  readonly isValid: boolean;
}

/** The pools that a file may have; the first is in every one. */
const POOL_NAMES = ["alpha", "beta", "gamma"] as const;

/** Draws the next state of a file: one in three is broken, or changes what only a restart can. @param head what every file begins with. */
export function drawEdit(head: string, draw: Draw): Edit {
  const names = POOL_NAMES.filter((name) => name === "alpha" || draw.chance(0.6));
  const text = `${head}max_machines = ${draw.between(8, 20)}\n${names.map((name) => poolText(name, draw)).join("")}`;
  if (draw.chance(2 / 3)) return { text, isValid: true };
  const broken = draw.pick([
    () => text.replace("max_machines = ", "max_machine = "),
    () => text.replace("idle_count = ", "idle_count = many"),
    () => `${text}\n[[pool]]\nname = "alpha"\n`,
    () => `${text}\n[[pool`,
    () => `${text}\ncolour = "green"\n`,
    () => text.slice(0, text.lastIndexOf('"')),
    () => text.replace('name = "test"', 'name = "another"'),
  ]);
  return { text: broken(), isValid: false };
}

function poolText(name: string, draw: Draw): string {
  const maxMachines = draw.between(2, 6);
  return [
    "",
    "[[pool]]",
    `name = "${name}"`,
    `max_machines = ${maxMachines}`,
    `idle_count = ${draw.between(0, Math.min(2, maxMachines))}`,
    `max_growth_rate = ${draw.between(1, 4)}`,
    `job_timeout = "${draw.between(60, 90)}m"`,
    "[pool.qemu]",
    `image = "v${draw.between(1, 3)}"`,
    "",
  ].join("\n");
}
