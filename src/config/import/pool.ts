import { MAX_MACHINES } from "../limits.ts";
import type { DraftLine, DraftTable } from "./draft.ts";
import type { IdleDraft } from "./idle.ts";
import { idleLines, isScaled } from "./idle.ts";
import type { Notes } from "./notes.ts";
import type { Section } from "./read.ts";

/** What one runner of the file comes to. */
export interface PoolDraft {
  readonly runner: Section;
  readonly executor: string;
  readonly name: DraftLine;
  readonly maxMachines: DraftLine & { readonly value: number };
  /** Further lines of [[pool]], such as max_growth_rate. */
  readonly lines: readonly DraftLine[];
  readonly idle: IdleDraft;
  readonly sections: readonly { readonly lines: readonly DraftLine[]; readonly idle: IdleDraft; readonly at: string }[];
  readonly guest: readonly DraftLine[];
  /** Absent for machines of this host. */
  readonly ec2?: readonly DraftLine[] | undefined;
}

/** Writes a pool's tables. */
export function tablesOf(pool: PoolDraft): DraftTable[] {
  const hasScale = [pool.idle, ...pool.sections.map(({ idle }) => idle)].some(isScaled);
  const driver = pool.ec2 === undefined ? "qemu" : "ec2";
  const driverWhy =
    pool.ec2 === undefined
      ? "FILL IN: machines of this host, since mayfly has no driver for those of the file"
      : "its machines are EC2's";
  return [
    {
      header: "[[pool]]",
      comment: `[[runners]] at ${pool.runner.place}, executor ${pool.executor}`,
      lines: [
        pool.name,
        { key: "driver", value: driver, why: driverWhy },
        pool.maxMachines,
        ...idleLines(pool.idle, hasScale),
        ...pool.lines,
      ],
    },
    ...pool.sections.map(({ lines, idle, at }) => ({
      header: "[[pool.schedule]]",
      comment: `section at ${at}`,
      lines: [...lines, ...idleLines(idle, hasScale)],
    })),
    { header: "[pool.guest]", lines: pool.guest },
    { header: "[pool.ec2]", lines: pool.ec2 ?? [] },
  ];
}

/** Keeps what is kept ready within the pool's limit, as the runner does, too. */
export function withinLimit(idle: IdleDraft, maxMachines: number): IdleDraft {
  const clamp = (part: IdleDraft["idleCount"]): IdleDraft["idleCount"] =>
    part.value <= maxMachines ? part : { value: maxMachines, why: `${part.why}, within max_machines` };
  return { ...idle, idleCount: clamp(idle.idleCount), min: clamp(idle.min), max: clamp(idle.max) };
}

/** Fits a number of machines between 1 and what a config may say. */
export const machinesWithin = (count: number): number => Math.min(MAX_MACHINES, Math.max(1, count));

/** Makes a name of a runner's description that no other pool has. */
export function nameFor(description: string, taken: ReadonlySet<string>): string {
  const slug =
    description
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-+|-+$/g, "")
      .slice(0, 50)
      .replace(/-+$/, "") || "runner";
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? slug : `${slug}-${number}`;
    if (!taken.has(name)) return name;
  }
}

/** Reads how jobs of a runner get Docker. Everything else there stays with the runner. */
export function dockerLine(runner: Section, notes: Notes): DraftLine {
  const docker = runner.section("docker");
  const isPrivileged = docker?.flag("privileged");
  const volumes = docker?.list("volumes");
  const hasSocket = volumes?.value.some((volume) => volume.startsWith("/var/run/docker.sock:")) === true;
  const value = isPrivileged?.value === true ? "dind" : hasSocket ? "socket" : "none";
  if (isPrivileged !== undefined) notes.add("became", isPrivileged, `pool.guest.docker = "${value}"`);
  if (volumes !== undefined)
    notes.add(
      value === "socket" ? "became" : "stays",
      volumes,
      value === "socket" ? 'pool.guest.docker = "socket"' : "with the runner",
    );
  const why = {
    dind: `${isPrivileged?.place} privileged = true`,
    socket: `${volumes?.place} volumes has /var/run/docker.sock`,
    none: `${docker?.place ?? runner.place} neither privileged nor docker.sock among its volumes`,
  };
  return { key: "docker", value, why: why[value] };
}
