import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { machineIdFrom } from "../../src/domain/ids.ts";
import { createKeys } from "../../src/guest/keys.ts";
import { seedFrom } from "../../src/guest/seed.ts";
import { fetchCloudInit } from "../support/cloudInit.ts";
import { TERRAFORM } from "../support/terraform.ts";

const check = await fetchCloudInit();
const lacking = typeof check === "string" ? check : undefined;
const problemsOf = (userData: string): Promise<string> =>
  typeof check === "string" ? Promise.resolve(check) : check(userData);

const machineId = machineIdFrom("machine-0123456789");
const limits = { orphanTimeoutMs: 1_800_000, lifetimeMs: 50_000_500 };
const settings = { user: "runner", docker: "dind", dataRoot: "/var/lib/docker" } as const;

const title = lacking === undefined ? "user-data, to cloud-init's own schema" : `user-data (${lacking})`;

describe.skipIf(lacking !== undefined)(title, () => {
  it.each([
    ["a stock image, which installs the engine", { engine: "install" }],
    ["a prepared image", { engine: "baked" }],
    ["a machine with a mirror", { registryMirror: "http://10.0.2.2:5000", engine: "install" }],
  ] as const)("of %s is valid", async (_of, more) => {
    const { userData } = await seedFrom([machineId], createKeys(machineId), { ...settings, ...more }, limits);

    expect(await problemsOf(userData)).toBe("");
  });

  it("of the registry mirror's host is valid", async () => {
    const userData = await readFile(join(TERRAFORM, "templates/mirror.yaml"), "utf8");

    expect(await problemsOf(`#cloud-config\n${userData}`)).toBe("");
  });

  it.each([
    ["packages that are a number", "packages: 3"],
    ["a file without a path", "write_files: [{ content: x }]"],
    ["a key of a type that nobody knows", "ssh_keys: { ed25520_private: x }"],
  ])("would not be valid with %s", async (_what, line) => {
    const { userData } = await seedFrom([machineId], createKeys(machineId), settings, limits);
    const broken = { ...(parse(userData) as object), ...(parse(line) as object) };

    expect(await problemsOf(`#cloud-config\n${stringify(broken)}`)).toContain(line.split(":")[0]);
  });
});
