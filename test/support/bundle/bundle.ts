import { cp, mkdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import type { Plugin } from "rolldown";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const SRC = join(ROOT, "src");

/**
 * Packages that nearly every command needs at once: they become part of our files, which spares each start the looking for some
 * dozens of theirs. All others are loaded from where npm has put them.
 */
const INLINED = ["commander", "eslint-visitor-keys", "toml-eslint-parser"];

/** Each of these is one file with all that it imports at once, unless the first one has it already. */
const WHOLE = ["commands/main.ts", "api/client.ts"];

/** Writes the bins and the library as few files as it takes; what a command loads on demand stays in files of its own. */
export async function bundle(outDir: string): Promise<void> {
  await write(outDir, "cli");
  await write(outDir, "index");
  await write(outDir, "fleet/docker-machine/main");
  for (const name of INLINED) {
    const folder = join(outDir, "licenses", name);
    await mkdir(folder, { recursive: true });
    await cp(join(ROOT, "node_modules", name, "LICENSE"), join(folder, "LICENSE"));
  }
}

/** Writes one program that is none of the bins as they are written, packages beside it. @param name of its file, without the ending. */
export const bundleProgram = (outDir: string, name: string, file: string): Promise<void> => write(outDir, name, file);

/** @param entry a file below src/, without its ending; what it needs is written beside it. */
async function write(outDir: string, entry: string, file = join(SRC, `${entry}.ts`)): Promise<void> {
  const folder = dirname(entry);
  const build = await rolldown({
    cwd: ROOT,
    input: { [entry]: file },
    platform: "node",
    external: (id) => !/^[./]/.test(id) && !INLINED.includes(id),
    plugins: [keepPlaces(folder), takeBuiltins()],
    checks: { pluginTimings: false },
    onLog(level, log, handle) {
      // What one command loads on demand may be what another cannot do without.
      if (log.code === "INEFFECTIVE_DYNAMIC_IMPORT") return;
      if (level === "warn") throw new Error(log.message);
      handle(level, log);
    },
  });
  await build.write({
    dir: outDir,
    format: "esm",
    // They are half of what has to be read at each start; the licences are in files of their own.
    comments: false,
    sourcemap: true,
    chunkFileNames: join(folder, "[name]-[hash].js"),
    codeSplitting: {
      groups: WHOLE.map((file, index) => ({
        name: file.replace(/^.*\/|\.ts$/g, ""),
        test: (id) => id === join(SRC, file),
        priority: WHOLE.length - index,
      })),
    },
  });
  await build.close();
}

/** Lets `import.meta.url` name the place where a module would be had it not been bundled: package.json is found from there. */
function keepPlaces(folder: string): Plugin {
  const up = relative(folder, ".");
  return {
    name: "keep-places",
    transform: {
      filter: { code: "import.meta.url" },
      handler(code, id) {
        if (!id.startsWith(SRC)) return null;
        const place = `./${join(up, relative(SRC, id).replace(/\.ts$/, ".js"))}`;
        const changed = code.replaceAll("import.meta.url", `new URL(${JSON.stringify(place)}, import.meta.url)`);
        // On the same line, so that the source map stays right but for a column.
        return { code: changed, map: null };
      },
    },
  };
}

/**
 * Takes what is imported of Node's own modules from them as a property. An import makes every name of a module ready, and with
 * `node:fs` and `node:http` come streams, WebSocket and more, which costs a short command more time than all of ours.
 */
function takeBuiltins(): Plugin {
  return {
    name: "take-builtins",
    renderChunk(code) {
      const changed = code
        .replaceAll(BUILTIN_IMPORT, (_all, names: string, module: string) => {
          const taken = names.startsWith("* as ") ? names.slice(5) : names.replaceAll(" as ", ": ");
          return `const ${taken} = ${builtin(module)};`;
        })
        .replaceAll(BUILTIN_REQUIRE, (_all, module: string) =>
          // Commander starts programs for commands that are files of their own, of which there are none here.
          module === "node:child_process" ? `{ get spawn() { return ${builtin(module)}.spawn; } }` : builtin(module),
        );
      // On the same lines, so that the source map stays right but for columns.
      return changed === code ? null : { code: changed, map: null };
    },
  };
}

/** The global one: `process` is what some packages call their own import of it. */
const builtin = (module: string): string => `globalThis.process.getBuiltinModule("${module}")`;

const BUILTIN_IMPORT = /^import (\{[^}]*\}|\* as \w+|\w+) from "(node:[\w/]+)";/gm;
const BUILTIN_REQUIRE = /\b__require\("(node:[\w/]+)"\)/g;
