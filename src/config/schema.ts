import * as z from "zod";
import { ec2Schema } from "./ec2.ts";
import { gitlabRunnerSchema, gitlabSchema } from "./gitlab.ts";
import { imageNames } from "./imageName.ts";
import { MAX_MACHINES } from "./limits.ts";
import { listenAddress, listenFields } from "./listen.ts";
import { mirrorSchema } from "./mirror.ts";
import { scaleFields, sectionSchema } from "./schedule.ts";
import { MAX_SHADOWS, shadowSchemaFor } from "./shadow.ts";
import { budgetPerDay, targetSchema } from "./target.ts";
import { absolutePath, boolean, duration, integer, mirrorUrl, oneOf, size, text, usd } from "./fields.ts";

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const NAME_RULE = 'a name of a-z, 0-9 and inner dashes, at most 63 characters, such as "small"';
// useradd's own rule; root would make the passwordless sudo of jobs meaningless.
const USER = /^(?!root$)[a-z_][a-z0-9_-]{0,31}$/;
const USER_RULE = 'the name of an account other than root, such as "runner"';
const IMAGE = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const IMAGE_RULE = 'the name of a guest image, such as "debian-12"';
const SECOND_MS = 1000;

const guestSchema = z.strictObject(
  {
    user: text(USER, USER_RULE).prefault("runner"),
    docker: oneOf(["dind", "socket", "none"]).prefault("dind"),
    registry_mirror: mirrorUrl().optional(),
    engine: oneOf(["baked", "install"]).prefault("baked"),
    data_root: absolutePath().prefault("/var/lib/docker"),
  },
  { error: "a table" },
);

const qemuSchema = z.strictObject(
  {
    image: text(IMAGE, IMAGE_RULE).prefault("debian-12"),
    cpus: integer(1, 64).prefault(2),
    memory: size(2 ** 20, 256, 2 ** 20).prefault("2GiB"),
    disk: size(2 ** 30, 1, 2 ** 14).prefault("20GiB"),
    restore: boolean().prefault(true),
  },
  { error: "a table" },
);

const costSchema = z.strictObject(
  {
    usd_per_hour: usd().optional(),
    usd_per_gib_month: usd().optional(),
    usd_per_hour_by_type: z.record(z.string(), usd(), { error: 'a table such as { "m7i.large" = 0.1008 }' }).optional(),
  },
  { error: "a table" },
);

const shadowSchema = shadowSchemaFor(text(NAME, NAME_RULE));

const poolSchema = z.strictObject(
  {
    name: text(NAME, NAME_RULE),
    driver: oneOf(["qemu", "ec2"]).prefault("qemu"),
    max_machines: integer(1, MAX_MACHINES).prefault(2),
    idle_count: integer(0, MAX_MACHINES).prefault(1),
    ...scaleFields,
    stopped_count: integer(0, MAX_MACHINES).prefault(0),
    idle_time: duration(0).prefault("20m"),
    max_growth_rate: integer(1, MAX_MACHINES).prefault(2),
    max_age: duration(SECOND_MS).prefault("12h"),
    // A boot takes 50 s under software emulation on an idle host, several times that when two share it with jobs.
    boot_timeout: duration(SECOND_MS).prefault("5m"),
    job_timeout: duration(SECOND_MS).prefault("1h"),
    // Longer than a planned restart or an upgrade of the manager, which jobs survive.
    orphan_timeout: duration(60 * SECOND_MS).prefault("30m"),
    preload: imageNames().optional(),
    schedule: z.array(sectionSchema, { error: "an array of tables, each under [[pool.schedule]]" }).optional(),
    budget_per_day: budgetPerDay().optional(),
    target: targetSchema.optional(),
    shadow: z
      .array(shadowSchema, { error: "an array of tables, each under [[pool.shadow]]" })
      .max(MAX_SHADOWS, { error: `at most ${MAX_SHADOWS} tables` })
      .optional(),
    guest: guestSchema.prefault({}),
    qemu: qemuSchema.prefault({}),
    cost: costSchema.prefault({}),
    // Without defaults: what machines of a cloud account are made of, nobody can guess.
    ec2: ec2Schema.optional(),
  },
  { error: "a table" },
);

const apiSchema = z.strictObject({ socket: absolutePath(), ...listenFields }, { error: "a table" });

const metricsSchema = z.strictObject(
  { listen: listenAddress().optional(), gitlab_names: boolean().prefault(false) },
  { error: "a table" },
);

/** What mayfly.toml may hold, with the defaults that depend on nothing else. */
export const fileSchema = z.strictObject({
  name: text(NAME, NAME_RULE).prefault("mayfly"),
  state_dir: absolutePath(),
  max_machines: integer(1, MAX_MACHINES).prefault(100),
  stop_timeout: duration(0).prefault("10m"),
  // The store's own reserve comes back at half of the least.
  min_free_disk: size(2 ** 20, 32, 2 ** 24).prefault("1GiB"),
  api: apiSchema,
  metrics: metricsSchema.prefault({}),
  mirror: mirrorSchema.optional(),
  gitlab: gitlabSchema.optional(),
  pool: z
    .array(poolSchema, { error: "an array of tables, each under [[pool]]" })
    .min(1, { error: "an array of at least one pool" }),
});

/** A file that obeys the schema, read. */
export type ConfigFile = z.output<typeof fileSchema>;

/** The keys of each table, by the table's header. */
export const KEYS_BY_TABLE: Readonly<Record<string, readonly string[]>> = {
  "the top level": Object.keys(fileSchema.shape),
  "[api]": Object.keys(apiSchema.shape),
  "[metrics]": Object.keys(metricsSchema.shape),
  "[mirror]": Object.keys(mirrorSchema.shape),
  "[gitlab]": Object.keys(gitlabSchema.shape),
  "[[gitlab.runner]]": Object.keys(gitlabRunnerSchema.shape),
  "[[pool]]": Object.keys(poolSchema.shape),
  "[[pool.schedule]]": Object.keys(sectionSchema.shape),
  "[pool.target]": Object.keys(targetSchema.shape),
  "[[pool.shadow]]": Object.keys(shadowSchema.shape),
  "[[pool.shadow.schedule]]": Object.keys(sectionSchema.shape),
  "[pool.shadow.target]": Object.keys(targetSchema.shape),
  "[pool.guest]": Object.keys(guestSchema.shape),
  "[pool.qemu]": Object.keys(qemuSchema.shape),
  "[pool.cost]": Object.keys(costSchema.shape),
  "[pool.ec2]": Object.keys(ec2Schema.shape),
};
