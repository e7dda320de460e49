// Imports of these would make every name of theirs ready first.
const { statSync, mkdirSync } = process.getBuiltinModule("node:fs");

/** What others must not be able to do with a folder of code that is run as us. */
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Keeps what Node compiles of this program for its next start, in the user's cache: a start loads it instead of compiling. Does
 * nothing where another user could write it, as below the HOME that sudo keeps, and nothing where it cannot be kept.
 */
export function keepCompiledCode(env: NodeJS.ProcessEnv): void {
  const folder = compiledFolder(env);
  if (folder !== undefined) process.getBuiltinModule("node:module").enableCompileCache?.(folder);
}

/** Makes the folder that holds it; undefined where it is not kept. */
export function compiledFolder({ XDG_CACHE_HOME: xdg = "", HOME }: NodeJS.ProcessEnv): string | undefined {
  // The XDG base directory specification has relative values ignored.
  const isNamed = xdg.startsWith("/");
  const home = HOME || process.getBuiltinModule("node:os").homedir();
  const cache = isNamed ? xdg : `${home}/.cache`;
  const folder = `${cache}/mayfly/compiled`;
  try {
    if (!isNamed && !isOurs(home)) return undefined;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return [cache, `${cache}/mayfly`, folder].every(isOurs) ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** Whether nobody but us, and root, can put anything into a folder. @throws when it cannot be looked at. */
function isOurs(folder: string): boolean {
  const { uid, mode } = statSync(folder);
  return uid === process.geteuid?.() && (mode & WRITABLE_BY_OTHERS) === 0;
}
