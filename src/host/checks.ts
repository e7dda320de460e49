import { readFile } from "node:fs/promises";
import type { Config } from "../config/config.ts";
import { probeAccelerators, readQemuVersion } from "../drivers/qemu/accelerator.ts";
import { listGolden } from "../drivers/qemu/golden/list.ts";
import { findImage } from "../drivers/qemu/image/find.ts";
import { NotFoundError } from "../domain/errors.ts";
import type { Check } from "./check.ts";
import { checkAccelerators } from "./checkAccelerators.ts";
import { checkDisks } from "./checkDisks.ts";
import type { HostFacts } from "./facts.ts";
import { installCommands, missingRequirements, requirementsFor } from "./requirements.ts";

/** Looks at all that machines on this host need, in the order in which it matters. */
export async function checkHost(
  facts: HostFacts,
  config: Config,
  imagesDir: string,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const { stateDir, minFreeDiskMiB } = config;
  const disks = await checkDisks({ stateDir, imagesDir, minFreeBytes: minFreeDiskMiB * 2 ** 20 });
  // Machines that run elsewhere need nothing else of this host.
  if (!config.pools.some(({ shape }) => shape.driver === "qemu")) return disks;
  return [
    checkPrograms(facts),
    ...(facts.has("qemu-system-x86_64") ? checkAccelerators(await probeAccelerators({}, signal)) : []),
    await checkMemory(config),
    ...disks,
    ...(await checkImages(config, imagesDir)),
    ...(await checkGolden(config, imagesDir, await readQemuVersion(signal).catch(() => undefined))),
  ];
}

function checkPrograms(facts: HostFacts): Check {
  const missing = missingRequirements(requirementsFor(facts), facts.has);
  if (missing.length === 0)
    return { name: "programs", status: "ok", detail: "QEMU and what builds its images are there" };
  const packages = [...new Set(missing.map(({ debianPackage }) => debianPackage))];
  const detail = missing.map(({ program, purpose }) => `${program} (${purpose}) is missing`).join("; ");
  const fix = facts.isDebianLike ? installCommands(packages, facts.isRoot).join(" && ") : undefined;
  return { name: "programs", status: "fail", detail, fix };
}

async function checkMemory(config: Config): Promise<Check> {
  const meminfo = await readFile("/proc/meminfo", "utf8").catch(() => "");
  const availableMiB = Math.floor(Number(/MemAvailable:\s+(\d+)/.exec(meminfo)?.[1] ?? 0) / 1024);
  const neededMiB = Math.max(...config.pools.map(({ shape }) => (shape.driver === "qemu" ? shape.memoryMiB : 0)));
  const room = Math.floor(availableMiB / Math.max(1, neededMiB));
  const detail = `${(availableMiB / 1024).toFixed(1)} GiB available: room for ${room} machines of ${neededMiB} MiB`;
  if (room > 0) return { name: "memory", status: "ok", detail };
  return { name: "memory", status: "fail", detail, fix: "lower `memory` in [pool.qemu], or free memory" };
}

async function checkImages(config: Config, imagesDir: string): Promise<readonly Check[]> {
  const names = new Set(config.pools.flatMap(({ shape }) => (shape.driver === "qemu" ? [shape.image] : [])));
  return Promise.all([...names].map((name) => checkImage(name, imagesDir)));
}

/** There are none before the first machine: that is no fault. */
async function checkGolden(
  config: Config,
  imagesDir: string,
  qemuVersion: string | undefined,
): Promise<readonly Check[]> {
  const restores = config.pools.some(({ shape }) => shape.driver === "qemu" && shape.restore !== false);
  const states = await listGolden(imagesDir, qemuVersion);
  if (!restores || states.length === 0) return [];
  const gibibytes = states.reduce((sum, { bytes }) => sum + bytes, 0) / 2 ** 30;
  const lacking = states.flatMap((state) => state.lacking.map((image) => `; one lacks ${image}`));
  const spoilt = states.filter(({ problem }) => problem !== "").map(({ problem }) => `; ${problem}: it is made again`);
  const detail = `${states.length} to restore machines from, ${gibibytes.toFixed(1)} GiB${[...spoilt, ...lacking].join("")}`;
  return [{ name: "golden states", status: spoilt.length + lacking.length === 0 ? "ok" : "warn", detail }];
}

async function checkImage(name: string, imagesDir: string): Promise<Check> {
  try {
    const image = await findImage(imagesDir, name);
    const builtAt = new Date(image.createdAt).toISOString();
    return { name: `image ${name}`, status: "ok", detail: `built ${builtAt}; holds ${image.loaded.join(", ")}` };
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    return { name: `image ${name}`, status: "fail", detail: "not built yet", fix: "mayfly image build" };
  }
}
