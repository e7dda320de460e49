import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Call } from "./call.ts";
import { CallError } from "./errors.ts";

/** The names that docker-machine takes; no other ever becomes part of a path. Source: docker/machine, libmachine/host/host.go. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9\-.]*$/;

/** What is in `machines/NAME/config.json`, in docker-machine's own layout, with what mayfly needs under `Driver.Mayfly`. */
export interface MachineFile {
  readonly ConfigVersion: number;
  readonly Driver: {
    readonly IPAddress: string;
    readonly MachineName: string;
    readonly StorePath: string;
    readonly Mayfly: MayflyFacts;
    readonly [field: string]: unknown;
  };
  readonly DriverName: string;
  readonly HostOptions: {
    readonly AuthOptions: { readonly StorePath: string; readonly [field: string]: unknown };
    readonly EngineOptions: { readonly Labels: readonly string[]; readonly [field: string]: unknown };
    readonly [field: string]: unknown;
  };
  readonly Name: string;
}

/** How a machine is found again. */
export interface MayflyFacts {
  readonly Id: string;
  readonly URL: string;
  readonly Socket: string;
  readonly Pool: string;
  readonly LeaseId: string;
  readonly MachineId: string;
}

/** Answers the directory of a machine. @throws CallError for what is no name of one. */
export function directoryOf({ storagePath }: Pick<Call, "storagePath">, name: string): string {
  if (!NAME.test(name)) {
    throw new CallError(
      `Invalid hostname specified (${JSON.stringify(name)}). Allowed hostname chars are: 0-9a-zA-Z . -`,
    );
  }
  return join(storagePath, "machines", name);
}

/** Reads the file of a machine. @throws CallError when there is none, or it is not one that we wrote. */
export function readMachine(call: Pick<Call, "storagePath">, name: string): MachineFile {
  const path = join(directoryOf(call, name), "config.json");
  let file: MachineFile | undefined;
  try {
    file = JSON.parse(readFileSync(path, "utf8")) as MachineFile;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw unknown(name);
    throw new CallError(`cannot read ${path}: ${(error as Error).message}`);
  }
  if (file?.Driver?.Mayfly === undefined) throw new CallError(`${path} is of a machine that mayfly did not make`);
  return file;
}

const unknown = (name: string): CallError =>
  new CallError(
    `Docker machine ${JSON.stringify(name)} does not exist. Use "docker-machine ls" to list machines. Use "docker-machine create" to add a new one.`,
  );

/** The names that a call is about: those that it says, else `default` if there is such a machine. @throws CallError else. */
export function namesOf(call: Call, words: readonly string[]): readonly string[] {
  if (words.length > 0) return words;
  if (existsSync(directoryOf(call, "default"))) return ["default"];
  throw new CallError('Error: No machine name(s) specified and no "default" machine exists');
}

/** The one name that a call is about. @throws CallError when it says several. */
export function nameOf(call: Call, words: readonly string[]): string {
  const [name = "", ...more] = namesOf(call, words);
  if (more.length > 0) throw new CallError("Error: Expected one machine name as an argument");
  return name;
}
