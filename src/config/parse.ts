import { ConfigError } from "../domain/errors.ts";
import type { DesiredPool } from "../domain/pool.ts";
import type { MachineShape } from "../domain/shape.ts";
import type { Config } from "./config.ts";
import { fillDefaults } from "./defaults.ts";
import { entriesFrom } from "./explain.ts";
import type { ConfigEntry } from "./explain.ts";
import { gitlabFrom } from "./gitlab.ts";
import { listenFrom, placeFrom } from "./listen.ts";
import { mirrorFrom, mirrorUrlFor } from "./mirror.ts";
import type { MirrorConfig } from "./mirror.ts";
import { problemsFrom } from "./problems.ts";
import { checkRules } from "./rules.ts";
import { idleWishFrom } from "./schedule.ts";
import { fileSchema } from "./schema.ts";
import type { ConfigFile } from "./schema.ts";
import { scheduleFieldsFrom, shadowFrom } from "./shadow.ts";
import { targetFrom } from "./target.ts";
import { parseToml } from "./toml.ts";
import type { Path } from "./toml.ts";

/** A config with the origin of each of its values. */
export interface ExplainedConfig {
  readonly config: Config;
  /** In the order of the schema. */
  readonly entries: readonly ConfigEntry[];
}

/**
 * Reads the text of a mayfly.toml.
 * @param fileName how messages name the file.
 * @param defaultStateDir what `state_dir` is when the file does not say.
 * @throws ConfigError with every problem of the text, in the order of its lines.
 */
export function explainConfig(text: string, fileName: string, defaultStateDir: string): ExplainedConfig {
  const document = parseToml(text, fileName);
  const lineOf = (path: Path): number | undefined => {
    // What is missing stands where its table begins.
    for (let length = path.length; length > 0; length -= 1) {
      const line = document.lineOf(path.slice(0, length));
      if (line !== undefined) return line;
    }
    return undefined;
  };
  const placeOf = (path: Path): string => {
    const line = lineOf(path);
    return line === undefined ? fileName : `${fileName}:${line}`;
  };
  const filled = fillDefaults(document.value, defaultStateDir);
  const parsed = fileSchema.safeParse(filled);
  const problems = [
    ...(parsed.success ? [] : problemsFrom(parsed.error.issues, filled, placeOf)),
    ...checkRules(filled, placeOf, (path) => document.lineOf(path) !== undefined),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems.toSorted(byLine));
  const entries = entriesFrom(filled, (path) => {
    const line = document.lineOf(path);
    return line === undefined ? "default" : `${fileName}:${line}`;
  });
  return { config: configFrom(parsed.data), entries };
}

/** Reads the text of a mayfly.toml. @throws ConfigError with every problem of the text, in the order of its lines. */
export function parseConfig(text: string, fileName: string, defaultStateDir: string): Config {
  return explainConfig(text, fileName, defaultStateDir).config;
}

/** What holds when there is no file: one pool of local machines. @throws ConfigError when the state directory's path is unfit. */
export function defaultConfig(stateDir: string): Config {
  return parseConfig("", "the default state directory", stateDir);
}

function configFrom(file: ConfigFile): Config {
  const mirror = mirrorFrom(file.mirror);
  return {
    name: file.name,
    stateDir: file.state_dir,
    maxMachines: file.max_machines,
    stopTimeoutMs: file.stop_timeout,
    minFreeDiskMiB: file.min_free_disk,
    api: { socket: file.api.socket, tcp: listenFrom(file.api) },
    metrics: {
      listen: file.metrics.listen === undefined ? undefined : placeFrom(file.metrics.listen),
      gitlabNames: file.metrics.gitlab_names,
    },
    mirror,
    gitlab: gitlabFrom(file.gitlab),
    pools: file.pool.map((pool) => poolFrom(pool, mirror)),
  };
}

function poolFrom(pool: ConfigFile["pool"][number], mirror: MirrorConfig | undefined): DesiredPool {
  const { guest, cost } = pool;
  return {
    name: pool.name,
    maxMachines: pool.max_machines,
    ...idleWishFrom(pool),
    // The target chooses it; targetRules.ts refuses a file that sets both.
    idleCount: pool.target === undefined ? pool.idle_count : 0,
    idleTimeMs: pool.idle_time,
    schedule: scheduleFieldsFrom(pool.schedule),
    target: targetFrom(pool.target),
    budgetUsdPerDay: pool.budget_per_day,
    shadows: pool.shadow?.map((shadow) =>
      shadowFrom(shadow, {
        ...{ maxMachines: pool.max_machines, maxGrowthRate: pool.max_growth_rate, idleTimeMs: pool.idle_time },
      }),
    ),
    maxGrowthRate: pool.max_growth_rate,
    maxAgeMs: pool.max_age,
    bootTimeoutMs: pool.boot_timeout,
    jobTimeoutMs: pool.job_timeout,
    orphanTimeoutMs: pool.orphan_timeout,
    preload: pool.preload,
    guest: {
      user: guest.user,
      docker: guest.docker,
      registryMirror: guest.registry_mirror ?? mirrorUrlFor(pool.driver, mirror),
      engine: guest.engine,
      dataRoot: guest.data_root,
    },
    shape: shapeFrom(pool),
    cost: {
      usdPerHour: cost.usd_per_hour,
      usdPerHourByType: cost.usd_per_hour_by_type,
      usdPerGiBMonth: cost.usd_per_gib_month,
    },
  };
}

function shapeFrom({ name, driver, qemu, ec2 }: ConfigFile["pool"][number]): MachineShape {
  if (driver === "qemu")
    return {
      ...{ driver, image: qemu.image, cpus: qemu.cpus, memoryMiB: qemu.memory, diskGiB: qemu.disk },
      restore: qemu.restore,
    };
  // checkRules has refused such a file before.
  if (ec2 === undefined) throw new Error(`pool ${name} has no [pool.ec2]`);
  return {
    driver,
    region: ec2.region,
    profile: ec2.profile,
    endpoint: ec2.endpoint,
    ami: ec2.ami,
    instanceTypes: ec2.instance_types,
    subnets: ec2.subnets,
    securityGroups: ec2.security_groups,
    market: ec2.market,
    diskGiB: ec2.disk,
    instanceProfile: ec2.instance_profile,
    publicAddress: ec2.public_address,
    tags: ec2.tags,
  };
}

const lineFrom = (place: string): number => Number(/:(\d+)$/.exec(place)?.[1] ?? 0);

const byLine = (a: { readonly place: string }, b: { readonly place: string }): number =>
  lineFrom(a.place) - lineFrom(b.place);
