import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isErrno } from "../errors.ts";
import { SUITE } from "./recipe.ts";

/** What apt of the host knows of Debian's release: in each of apt's two formats, empty where there is nothing. */
export interface AptSources {
  /** Lines of a `sources.list`. */
  readonly lines: string;
  /** Stanzas of a `.sources` file. */
  readonly stanzas: string;
}

const SUITES = new Set([SUITE, `${SUITE}-updates`, `${SUITE}-security`]);

/** Reads where the host gets that very release from, so that a guest is made from the same mirrors. @param aptDir e.g. /etc/apt */
export async function readAptSources(aptDir: string): Promise<AptSources> {
  const names = (await readdirIfThere(join(aptDir, "sources.list.d"))).sort().map((name) => `sources.list.d/${name}`);
  const read = async (extension: string, more: readonly string[] = []): Promise<string> => {
    const files = [...more, ...names.filter((name) => name.endsWith(extension))];
    return (await Promise.all(files.map((file) => readIfThere(join(aptDir, file))))).join("\n\n");
  };
  return chooseSources({ lines: await read(".list", ["sources.list"]), stanzas: await read(".sources") });
}

/** Keeps what brings Debian's own packages of the guest's release; other vendors' sources stay behind. */
export function chooseSources({ lines, stanzas }: AptSources): AptSources {
  return {
    lines: withEnd(lines.split("\n").filter(isDebianLine).join("\n")),
    stanzas: withEnd(
      stanzas
        .split(/\n\s*\n/)
        .filter(isDebianStanza)
        .join("\n\n"),
    ),
  };
}

/** `deb [options] uri suite component…`. Source: sources.list(5). */
function isDebianLine(line: string): boolean {
  const [, suite, components] = /^\s*deb\s+(?:\[[^\]]*\]\s+)?\S+\s+(\S+)\s+(.*)$/.exec(line) ?? [];
  return suite !== undefined && SUITES.has(suite) && (components ?? "").split(/\s+/).includes("main");
}

function isDebianStanza(stanza: string): boolean {
  const words = (field: string): string[] =>
    (new RegExp(`^${field}:(.*)$`, "im").exec(stanza)?.[1] ?? "").split(/\s+/).filter((word) => word !== "");
  const suites = words("Suites");
  return (
    words("Types").includes("deb") &&
    words("Enabled")[0] !== "no" &&
    words("Components").includes("main") &&
    suites.length > 0 &&
    suites.every((suite) => SUITES.has(suite))
  );
}

const withEnd = (text: string): string => (text.trim() === "" ? "" : `${text.trim()}\n`);

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "EACCES")) return "";
    throw error;
  }
}

async function readdirIfThere(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
