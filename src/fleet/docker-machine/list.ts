import type { DockerMachineView } from "../../ports/dockerMachines.ts";
import { isActive } from "./active.ts";
import type { Call } from "./call.ts";
import { askDaemon, isAway, socketOf } from "./daemon.ts";
import { CallError } from "./errors.ts";
import { parseFlags } from "./flags.ts";
import { filterFrom } from "./listFilter.ts";
import { allMachines } from "./machines.ts";
import type { ListedMachine } from "./machines.ts";
import { parseTemplate } from "./template.ts";

/** One line of `ls`, with the fields that templates know. */
export interface ListRow {
  readonly Name: string;
  readonly Active: string;
  readonly ActiveHost: boolean;
  readonly DriverName: string;
  readonly State: string;
  readonly URL: string;
  readonly Swarm: string;
  readonly DockerVersion: string;
  readonly Error: string;
}

/** The heads of the columns, by the fields under them. */
const HEADS = {
  Name: "NAME",
  Active: "ACTIVE",
  ActiveHost: "ACTIVE_HOST",
  DriverName: "DRIVER",
  State: "STATE",
  URL: "URL",
  Swarm: "SWARM",
  DockerVersion: "DOCKER",
  Error: "ERRORS",
} as const;
const TABLE =
  "{{.Name}}\t{{.Active}}\t{{.DriverName}}\t{{.State}}\t{{.URL}}\t{{.Swarm}}\t{{.DockerVersion}}\t{{.Error}}";
const GAP = 3;
const AWAY_MS = 2_000;
const DEFAULT_TIMEOUT_S = 10;

/** `ls [-q] [--filter KEY=VALUE]… [--format TEMPLATE] [-t SECONDS]`. */
export async function runList(call: Call): Promise<number> {
  const flags = parseFlags(call.args, {
    quiet: "boolean",
    q: { means: "quiet" },
    filter: "list",
    format: "value",
    f: { means: "format" },
    timeout: "value",
    t: { means: "timeout" },
  });
  const isShown = filterFrom(flags.values("filter"));
  const format = flags.value("format") || undefined;
  const timeoutMs = Number(flags.value("timeout") || DEFAULT_TIMEOUT_S) * 1000;
  if (!(timeoutMs > 0)) throw new CallError("Expected --timeout to be seconds above 0");
  const isQuiet = flags.flag("quiet") && format === undefined;
  const hasVersions = !isQuiet && (format === undefined || format.includes(".DockerVersion"));

  const machines = allMachines(call);
  const held = await heldIds(call, machines);
  const rows = machines
    .map((machine) => ({ machine, row: rowFrom(call, machine, held) }))
    .filter(({ machine, row }) => isShown(row, machine.file?.HostOptions.EngineOptions.Labels ?? []));
  const shown = await Promise.all(
    rows.map(({ machine, row }) => (hasVersions ? withVersion(machine, row, timeoutMs) : row)),
  );
  for (const line of isQuiet ? shown.map(({ Name }) => Name) : linesFrom(shown, format)) call.say(line);
  return 0;
}

/** The machines that their managers hold; one whose manager does not answer is in neither state. */
async function heldIds(call: Call, machines: readonly ListedMachine[]): Promise<ReadonlyMap<string, Held>> {
  const files = machines.flatMap(({ file }) => (file === undefined ? [] : [file.Driver.Mayfly]));
  const sockets = [...new Set(files.map((facts) => socketOf(call, facts)))];
  const answers = await Promise.all(sockets.map(async (path) => [path, await askHeld(call, path)] as const));
  const bySocket = new Map(answers);
  return new Map(
    files.map((facts) => {
      const ids = bySocket.get(socketOf(call, facts));
      return [facts.Id, ids === undefined ? "unknown" : ids.has(facts.Id) ? "held" : "ended"];
    }),
  );
}

type Held = "held" | "ended" | "unknown";

async function askHeld(call: Call, socketPath: string): Promise<ReadonlySet<string> | undefined> {
  try {
    const views = await askDaemon(call, socketPath, "GET", "/v1/docker-machines", AWAY_MS);
    return new Set((views as readonly DockerMachineView[]).map(({ id }) => id));
  } catch (error) {
    if (isAway(error)) return undefined;
    throw error;
  }
}

function rowFrom(call: Call, { name, file, error }: ListedMachine, heldById: ReadonlyMap<string, Held>): ListRow {
  const none = { Name: name, Active: "-", ActiveHost: false, Swarm: "", URL: "", DockerVersion: "Unknown" };
  if (file === undefined) return { ...none, DriverName: "not found", State: "Error", Error: error ?? "" };
  const held = heldById.get(file.Driver.Mayfly.Id);
  const row = { ...none, DriverName: file.DriverName };
  if (held === "unknown") return { ...row, State: "Timeout", Error: "no mayfly daemon answers" };
  if (held !== "held") return { ...row, State: "Error", Error: "the machine has ended" };
  const active = isActive(call, file);
  const shown = { Active: active ? "*" : "-", ActiveHost: active, State: "Running", URL: file.Driver.Mayfly.URL };
  return { ...row, ...shown, Error: "" };
}

async function withVersion({ file }: ListedMachine, row: ListRow, timeoutMs: number): Promise<ListRow> {
  if (file === undefined || row.State !== "Running") return row;
  const { askEngineVersion } = await import("./engineVersion.ts");
  try {
    return { ...row, DockerVersion: `v${await askEngineVersion(file, timeoutMs)}` };
  } catch (error) {
    return { ...row, Error: (error as Error).message };
  }
}

function linesFrom(rows: readonly ListRow[], format: string | undefined): readonly string[] {
  const plain = (format ?? `table ${TABLE}`).replaceAll("\\t", "\t").replaceAll("\\n", "\n");
  const isTable = plain.startsWith("table ");
  const render = parseTemplate(isTable ? plain.slice("table ".length) : plain);
  const lines = rows.map((row) => render(row));
  return isTable ? columnsFrom([render(HEADS), ...lines]) : lines;
}

function columnsFrom(lines: readonly string[]): readonly string[] {
  const cells = lines.map((line) => line.split("\t"));
  const widths = (cells[0] ?? []).map((_cell, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd((widths[column] ?? 0) + GAP))
      .join("")
      .trimEnd(),
  );
}
