import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { SystemError } from "../../../src/domain/errors.ts";

const execFileAsync = promisify(execFile);

/** The layers that `root/assemble.sh` makes, one tar archive each. */
export const LAYER_NAMES = ["docker", "engine", "nginx", "busybox"] as const;
export type LayerName = (typeof LAYER_NAMES)[number];

/** The scripts and files that go into the layers. */
const ROOT_FILES = fileURLToPath(new URL("root", import.meta.url));

const SUITE = "bookworm";
const PACKAGES = [
  "docker.io",
  "docker-compose",
  "iptables",
  "openssl",
  "busybox-static",
  "nginx-light",
  "base-files",
  "tar",
];
const BUILD_TIMEOUT_MS = 15 * 60_000;

/**
 * Unpacks Debian's packages once, without installing them, and writes every layer to `directory` as `<name>.tar`.
 * Half a minute on two cores, the download aside.
 * @throws SystemError `stand-ins-failed` with mmdebstrap's last words.
 */
export async function buildLayers(directory: string, signal: AbortSignal): Promise<void> {
  const hooks = [
    'mkdir "$1/standins"',
    `copy-in "${ROOT_FILES}" /standins`,
    'chroot "$1" /bin/busybox sh /standins/root/assemble.sh',
    ...LAYER_NAMES.map((name) => `download /standins/layers/${name}.tar "${directory}/${name}.tar"`),
  ];
  const args = [
    "--variant=extract",
    "--format=null",
    `--include=${PACKAGES.join(",")}`,
    '--aptopt=Apt::Install-Recommends "false"',
    ...hooks.map((hook) => `--extract-hook=${hook}`),
    SUITE,
    "-",
  ];

  try {
    await execFileAsync("mmdebstrap", args, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(BUILD_TIMEOUT_MS)]),
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw new SystemError(
      "stand-ins-failed",
      `Expected mmdebstrap to unpack Debian's packages, got: ${lastWords(cause)}`,
      {
        cause,
      },
    );
  }
}

function lastWords(cause: unknown): string {
  const { stderr, message } = cause as Error & { stderr?: string };
  return (stderr || message).trim().split("\n").slice(-5).join("\n");
}
