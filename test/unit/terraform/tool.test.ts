import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { explainConfig } from "../../../src/config/parse.ts";
import { parseToml } from "../../../src/config/toml.ts";
import { TERRAFORM } from "../../support/terraform.ts";

// What the parser alone cannot tell is asked of terraform itself, where there is one.

const TOOL = ["terraform", "tofu"].find((tool) => spawnSync(tool, ["version"]).status === 0);
const folder = mkdtempSync(join(tmpdir(), "mayfly-terraform-"));
cpSync(TERRAFORM, folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(at: string, ...args: string[]): { readonly status: number | null; readonly output: string } {
  const options = { cwd: join(folder, at), encoding: "utf8", timeout: 25_000 } as const;
  const { status, stdout, stderr } = spawnSync(TOOL ?? "terraform", args, options);
  return { status, output: stdout + stderr };
}

/** AWS's provider comes from a registry, a mirror of it or a cache; many hosts have none of them. */
const hasProvider =
  TOOL !== undefined && run(".", "init", "-backend=false", "-input=false", "-no-color", "-lock=false").status === 0;

const SETTINGS = {
  name: "ci-1",
  region: "eu-central-1",
  pools: {
    small: {
      max_machines: 40,
      idle_count: 4,
      stopped_count: 0,
      idle_time: "10m",
      job_timeout: "1h",
      docker: "dind",
      instance_types: ["m7i.large", "m7a.large"],
      market: "spot-first",
      disk_gib: 30,
    },
    "large-1": {
      max_machines: 8,
      idle_count: 0,
      stopped_count: 2,
      idle_time: "5m",
      job_timeout: "3h",
      docker: "none",
      instance_types: ["m7i.2xlarge"],
      market: "on-demand",
      disk_gib: 100,
    },
  },
  machine_image_id: "ami-0123456789abcdef0",
  engine: "install",
  machine_subnet_ids: ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
  machine_security_group_id: "sg-0123456789abcdef0",
  machine_profile_name: null,
  registry_mirror: null,
};

function render(settings: object): string {
  const at = "modules/settings";
  writeFileSync(join(folder, at, "terraform.tfvars.json"), JSON.stringify(settings));
  for (const step of [
    ["init", "-input=false", "-no-color"],
    ["apply", "-auto-approve", "-input=false", "-no-color"],
  ]) {
    const { status, output } = run(at, ...step);
    if (status !== 0) throw new Error(output);
  }
  const { stdout } = spawnSync(TOOL ?? "", ["output", "-raw", "toml"], { cwd: join(folder, at), encoding: "utf8" });
  return stdout;
}

describe.skipIf(TOOL === undefined)("terraform/ under terraform or tofu itself", () => {
  it("is formatted", () => {
    expect(run(".", "fmt", "-check", "-recursive", "-no-color")).toMatchObject({ status: 0 });
  });

  it("renders a mayfly.toml with every pool, and leaves out what is not set", () => {
    const { value } = parseToml(render(SETTINGS), "mayfly.toml");

    expect(value).toMatchObject({ name: "ci-1", max_machines: 48, state_dir: "/var/lib/mayfly" });
    expect(value["pool"]).toMatchObject([
      { name: "large-1", driver: "ec2", stopped_count: 2, guest: { docker: "none", engine: "install" } },
      { name: "small", driver: "ec2", max_machines: 40, idle_count: 4, guest: { docker: "dind" } },
    ]);
    expect(JSON.stringify(value)).not.toMatch(/null|registry_mirror|instance_profile/);
  });

  it("renders a mayfly.toml that mayfly takes", () => {
    const plain = explainConfig(render(SETTINGS), "mayfly.toml", "/nowhere").config;
    const full = explainConfig(
      render({
        ...SETTINGS,
        machine_profile_name: "machines",
        registry_mirror: "http://10.64.64.5:5000",
      }),
      "mayfly.toml",
      "/nowhere",
    ).config;

    expect(plain.pools.map(({ name, shape }) => [name, shape.driver])).toEqual([
      ["large-1", "ec2"],
      ["small", "ec2"],
    ]);
    expect(full.pools.map(({ guest }) => guest.registryMirror)).toEqual(Array(2).fill("http://10.64.64.5:5000"));
  });

  it.skipIf(!hasProvider)("is valid against AWS's provider", () => {
    expect(run(".", "validate", "-no-color")).toMatchObject({ status: 0 });
  });
});

describe("the files of the hosts in terraform/", () => {
  it("installs by a script that a POSIX shell takes", () => {
    const { status, stderr } = spawnSync("sh", ["-n", join(TERRAFORM, "templates/install.sh")], { encoding: "utf8" });

    expect([status, stderr]).toEqual([0, ""]);
  });

  it("starts the manager as the command line takes it, and stops it so that machines and jobs are kept", () => {
    const unit = readFileSync(join(TERRAFORM, "templates/mayfly.service"), "utf8");
    const [, command = ""] = /^ExecStart=\S+ \S+\/dist\/cli\.js (.*)$/m.exec(unit) ?? [];
    const cli = fileURLToPath(new URL("../../../src/cli.ts", import.meta.url));
    const { status, stdout } = spawnSync(process.execPath, [cli, ...command.split(" "), "--help"], {
      encoding: "utf8",
    });

    expect(unit).toMatch(/^KillSignal=SIGUSR2$/m);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^ *SIGUSR2 .*the next manager/m)]);
  });
});
