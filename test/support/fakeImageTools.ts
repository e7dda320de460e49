import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Stand-ins for the programs that an image build calls, in a folder for the front of PATH. */
export interface FakeImageTools {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How often a root was begun. */
  roots(): Promise<number>;
}

/** What the stand-ins do; shell, run after their begin is on record. */
export interface FakeImageScripts {
  readonly mmdebstrap?: string | undefined;
  readonly qemu?: string | undefined;
}

/** Hands out every part that the build asks for, as mmdebstrap's `download` does. */
const DOWNLOAD = `for arg; do
  case "$arg" in --customize-hook=download*) eval "set -- \${arg#--customize-hook=download}"; echo "part" >"$2" ;; esac
done`;

/** Makes the stand-ins; left alone they succeed at once. */
export async function createFakeImageTools(folder: string, scripts: FakeImageScripts = {}): Promise<FakeImageTools> {
  const bin = join(folder, "bin");
  const record = join(folder, "roots");
  await mkdir(bin, { recursive: true });
  await writeFile(record, "");
  const put = (name: string, script: string): Promise<void> =>
    writeFile(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  await put("mmdebstrap", `echo begun >>'${record}'\n${scripts.mmdebstrap ?? "true"}\n${DOWNLOAD}`);
  await put(
    "qemu-system-x86_64",
    scripts.qemu ?? 'echo "mayfly-bake: loaded mayfly/busybox:latest (2MB)"; echo "mayfly-bake: done"',
  );
  return {
    env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}` },
    roots: async () => (await readFile(record, "utf8")).split("\n").length - 1,
  };
}
