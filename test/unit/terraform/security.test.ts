import { describe, expect, it } from "vitest";
import { moduleFromText, nested, readModule, TERRAFORM } from "../../support/terraform.ts";
import type { TerraformModule } from "../../support/terraform.ts";

const module = await readModule(TERRAFORM);
const resourcesOf = ({ resources }: TerraformModule, ...types: string[]) =>
  resources.filter(({ type }) => types.includes(type));

/** Every way in that is not from a security group, and every place where a rule could hide from this look. */
function openings(of: TerraformModule): string[] {
  const groups = resourcesOf(of, "aws_security_group", "aws_default_security_group");
  const inline = groups.filter(({ body }) => nested(body, "ingress").length > 0 || "ingress" in body);
  const older = resourcesOf(of, "aws_security_group_rule").filter(({ body }) => body["type"] !== "egress");
  const rules = resourcesOf(of, "aws_vpc_security_group_ingress_rule").filter(
    ({ body }) =>
      !("referenced_security_group_id" in body) ||
      ["cidr_ipv4", "cidr_ipv6", "prefix_list_id"].some((key) => key in body),
  );
  return [...inline, ...older, ...rules].map(({ type, name }) => `${type}.${name}`);
}

/** What is encrypted, gone with its instance, behind IMDSv2 with one hop, and without a public address unless asked for. */
function looseInstances(of: TerraformModule): string[] {
  return resourcesOf(of, "aws_instance", "aws_launch_template").flatMap(({ type, name, body }) => {
    const metadata = nested(body, "metadata_options")[0] ?? {};
    const disks = [
      ...nested(body, "root_block_device"),
      ...nested(body, "ebs_block_device"),
      ...nested(body, "block_device_mappings").flatMap((mapping) => nested(mapping, "ebs")),
    ];
    const address =
      type === "aws_instance"
        ? [body["associate_public_ip_address"]]
        : nested(body, "network_interfaces").map((nic) => nic["associate_public_ip_address"]);
    const problems = [
      metadata["http_tokens"] === "required" ? "" : "takes IMDSv1",
      metadata["http_put_response_hop_limit"] === 1 ? "" : "lets metadata go further than one hop",
      disks.length > 0 && disks.every((disk) => disk["encrypted"] === true) ? "" : "has a disk in the clear",
      disks.every((disk) => disk["delete_on_termination"] === true) ? "" : "leaves its disk behind",
      address.length === 1 && address[0] === false ? "" : "has an address",
    ];
    return problems.filter((problem) => problem !== "").map((problem) => `${type}.${name} ${problem}`);
  });
}

describe("the security of terraform/", () => {
  it("lets nobody in but by a security group", () => {
    expect(resourcesOf(module, "aws_vpc_security_group_ingress_rule").length).toBeGreaterThan(0);
    expect(openings(module)).toEqual([]);
  });

  it("lets the manager alone reach the machines, and on port 22 alone", () => {
    const rules = resourcesOf(module, "aws_vpc_security_group_ingress_rule").filter(
      ({ body }) => body["security_group_id"] === `\${aws_security_group.machine.id}`,
    );

    expect(rules.map(({ body }) => body)).toMatchObject([
      {
        referenced_security_group_id: `\${aws_security_group.manager.id}`,
        ip_protocol: "tcp",
        from_port: 22,
        to_port: 22,
      },
    ]);
  });

  it("keeps public addresses off every subnet and host", () => {
    const subnets = resourcesOf(module, "aws_subnet");

    expect(subnets.length).toBeGreaterThan(0);
    expect(subnets.filter(({ body }) => body["map_public_ip_on_launch"] !== false)).toEqual([]);
  });

  it("requires IMDSv2 with one hop and encrypts disks on everything that it launches", () => {
    expect(resourcesOf(module, "aws_instance", "aws_launch_template").map(({ name }) => name)).toEqual(
      expect.arrayContaining(["manager", "machine", "mirror"]),
    );
    expect(looseInstances(module)).toEqual([]);
  });

  it("ends a machine that powers itself off, and gives it neither key pair nor profile of its own accord", () => {
    const template = resourcesOf(module, "aws_launch_template")[0]?.body ?? {};

    expect(template["instance_initiated_shutdown_behavior"]).toBe("terminate");
    expect(template).not.toHaveProperty("key_name");
    expect(template).not.toHaveProperty("iam_instance_profile");
    expect(template["dynamic"]).toMatchObject({
      iam_instance_profile: [{ for_each: `\${var.machine_instance_profile[*]}` }],
    });
    expect(module.variables.get("machine_instance_profile")).toMatchObject({ default: null });
  });

  it("never puts the owner tag on what it makes itself, so that the manager cannot end its own host", () => {
    expect(module.text).toMatch(/owner_tag_key = "mayfly:owner"/);
    const tagged = module.resources.filter(({ body }) => JSON.stringify(body["tags"] ?? "").includes("owner"));

    expect(tagged).toEqual([]);
    expect(/\n {2}tags = (.*)/.exec(module.text)?.[1]).toBe('merge(var.tags, { "mayfly:module" = var.name })');
  });

  it("closes the cache bucket to the public", () => {
    const blocks = resourcesOf(module, "aws_s3_bucket_public_access_block").map(({ body }) => body);

    expect(blocks).toMatchObject([
      {
        block_public_acls: true,
        block_public_policy: true,
        ignore_public_acls: true,
        restrict_public_buckets: true,
      },
    ]);
  });

  it("would not pass with a rule from the world, in whatever form", async () => {
    const open = await moduleFromText(`
      resource "aws_security_group" "inline" { 
        ingress { 
          from_port = 22
          cidr_blocks = ["0.0.0.0/0"]
        }
      }
      resource "aws_security_group" "hidden" {
        dynamic "ingress" {
          for_each = [22]
          content { from_port = 22 }
        }
      }
      resource "aws_security_group_rule" "older" { type = "ingress" }
      resource "aws_vpc_security_group_ingress_rule" "range" { cidr_ipv4 = "0.0.0.0/0" }`);

    expect(openings(open)).toEqual([
      "aws_security_group.hidden",
      "aws_security_group.inline",
      "aws_security_group_rule.older",
      "aws_vpc_security_group_ingress_rule.range",
    ]);
  });

  it("would not pass with an instance that is launched as AWS's defaults have it", async () => {
    const loose = await moduleFromText(`resource "aws_instance" "bare" {}`);

    expect(looseInstances(loose)).toEqual([
      "aws_instance.bare takes IMDSv1",
      "aws_instance.bare lets metadata go further than one hop",
      "aws_instance.bare has a disk in the clear",
      "aws_instance.bare has an address",
    ]);
  });
});
