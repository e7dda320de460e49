import type { DraftLine } from "./draft.ts";
import { fromSetting } from "./draft.ts";
import type { Ec2Draft } from "./ec2.ts";
import { parseGoDuration } from "./goDuration.ts";
import type { Notes } from "./notes.ts";
import type { Section } from "./read.ts";

/** Translates the fleeting plugin and its settings. Answers whether the machines are EC2's. */
export function importPlugin(autoscaler: Section, ec2: Ec2Draft, notes: Notes): boolean {
  const plugin = autoscaler.text("plugin");
  const isEc2 = /(?:^|[/-])aws(?:$|:)/.test(plugin?.value ?? "");
  if (plugin !== undefined)
    notes.add(
      isEc2 ? "became" : "lost",
      plugin,
      isEc2
        ? 'pool.driver = "ec2"'
        : "mayfly has no driver for these machines: the pool is one of QEMU machines on this host, change it to one of EC2's or keep it",
    );
  const config = autoscaler.section("plugin_config");
  if (config === undefined) return isEc2;
  if (isEc2) {
    const [group, profile, region] = [config.origin("name"), config.text("profile"), config.text("region")];
    if (group !== undefined)
      notes.add(
        "lost",
        group,
        "mayfly launches machines by itself, without an auto scaling group: its launch template has the image, the types, the subnets and the groups to fill in",
      );
    if (profile !== undefined) ec2.set("profile", profile.value, profile);
    if (region !== undefined) ec2.set("region", region.value, region);
    for (const key of ["config_file", "credentials_file"]) {
      const file = config.origin(key);
      const variable = key === "config_file" ? "AWS_CONFIG_FILE" : "AWS_SHARED_CREDENTIALS_FILE";
      if (file !== undefined)
        notes.add("secret", file, `not carried over: name the file in ${variable} in the manager's environment`);
    }
  }
  for (const origin of config.unread())
    notes.add("lost", origin, "a setting of the plugin, whose value was not looked at");
  return isEc2;
}

/** Translates how instances are reached. Answers further lines of [[pool]]. */
export function importConnector(autoscaler: Section, ec2: Ec2Draft, notes: Notes): DraftLine[] {
  const connector = autoscaler.section("connector_config");
  if (connector === undefined) return [];
  const external = connector.flag("use_external_addr");
  if (external !== undefined) ec2.set("public_address", external.value, external);
  for (const key of ["password", "key_path"]) {
    const origin = connector.origin(key);
    if (origin !== undefined)
      notes.add("secret", origin, "not carried over: mayfly makes each machine its own account and keys");
  }
  const timeout = connector.text("timeout");
  const timeoutMs = parseGoDuration(timeout?.value ?? "") ?? 0;
  const os = connector.text("os");
  if (os !== undefined)
    notes.add(
      os.value === "linux" ? "became" : "lost",
      os,
      os.value === "linux" ? "nothing: machines run Linux" : "machines run Linux, Debian or Ubuntu, here",
    );
  for (const origin of connector.unread())
    notes.add(
      "lost",
      origin,
      "machines are reached over SSH as the account that mayfly makes on them (pool.guest.user)",
    );
  if (timeout === undefined) return [];
  // Below it, a stock image would have no time to install the engine.
  if (timeoutMs < 300_000) {
    notes.add("lost", timeout, "pool.boot_timeout stays at its default of 5m");
    return [];
  }
  notes.add("became", timeout, "pool.boot_timeout");
  return [
    { key: "boot_timeout", value: `${Math.min(86_400, Math.round(timeoutMs / 1000))}s`, why: fromSetting(timeout) },
  ];
}
