import { mirrorUrl } from "../fields.ts";
import type { DraftLine } from "./draft.ts";
import { fromSetting } from "./draft.ts";
import type { Ec2Draft } from "./ec2.ts";
import type { Notes, Origin } from "./notes.ts";
import type { ReadList } from "./read.ts";

const CREDENTIALS =
  "not carried over: give the manager AWS credentials by any way that the AWS SDK knows (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in its environment, a profile, or an instance role)";
const OWN_ACCESS = "mayfly makes each machine its own host key and account, and needs no key pair";

/** Options of docker-machine that no setting here does, with the reason. */
const LOST: Readonly<Record<string, string>> = {
  "amazonec2-vpc-id": "the subnets say it",
  "amazonec2-security-group-readonly": "mayfly changes no security group",
  "amazonec2-open-port": "no port but 22 is needed: Docker is reached over SSH",
  "amazonec2-device-name": "the image's own root device is taken",
  "amazonec2-volume-type": "mayfly chooses the type of the volume",
  "amazonec2-ssh-user": OWN_ACCESS,
  "amazonec2-ssh-port": OWN_ACCESS,
  "amazonec2-keypair-name": OWN_ACCESS,
  "amazonec2-spot-price": "no highest price is set: EC2 never asks more than the on-demand price",
  "amazonec2-block-duration-minutes": "EC2 has no such spot requests any more",
  "amazonec2-monitoring": "detailed monitoring is not switched on",
  "amazonec2-use-ebs-optimized-instance": "today's instance types are so by themselves",
  "amazonec2-retries": "calls are paced and tried again by themselves",
  "amazonec2-insecure-transport": "write the endpoint with http:// instead",
  "amazonec2-userdata": "mayfly brings its own: put what machines need into their image",
  "amazonec2-private-address-only": "taken together with use-private-address",
  "engine-install-url": "the engine comes from the distribution's packages, or from a prepared image",
};

const SECRET: Readonly<Record<string, string>> = {
  "amazonec2-access-key": CREDENTIALS,
  "amazonec2-secret-key": CREDENTIALS,
  "amazonec2-session-token": CREDENTIALS,
  "amazonec2-ssh-keypath": `not carried over: ${OWN_ACCESS}`,
};

interface Option {
  readonly name: string;
  readonly value: string;
  readonly origin: Origin;
}

/** Options of other drivers may be secrets, misspelt ones too: no more than a name is ever shown. */
const optionsOf = (options: ReadList): Option[] =>
  options.value.map((option, index) => {
    const [, name = "", value = "true"] = /^-*([^=]*)(?:=(.*))?$/s.exec(option) ?? [];
    const shown = /^[a-z0-9-]{1,60}$/.test(name) ? name : "(unreadable)";
    return { name, value, origin: { place: options.places[index] ?? options.place, name: `${options.name} ${shown}` } };
  });

/** Notes the options of a driver that mayfly does not have. */
export function noteForeignOptions(options: ReadList, notes: Notes): void {
  for (const { origin } of optionsOf(options))
    notes.add("lost", origin, "an option of another driver, whose value was not looked at");
}

/** What docker-machine options come to. */
export interface OptionsDraft {
  /** Lines of [pool.guest]. */
  readonly guest: readonly DraftLine[];
}

/** Translates the options that docker-machine is called with: `name=value`, or a name alone. */
export function importOptions(options: ReadList, ec2: Ec2Draft, notes: Notes): OptionsDraft {
  const all = optionsOf(options);
  const lastOf = (name: string): string | undefined => all.findLast((option) => option.name === name)?.value;
  const guest: DraftLine[] = [];
  const tags: Record<string, string> = {};
  const groups: { readonly id: string; readonly origin: Origin }[] = [];
  for (const { name, value, origin } of all) {
    switch (name) {
      case "amazonec2-region":
        ec2.set("region", value, origin);
        break;
      case "amazonec2-ami":
        ec2.set("ami", value, origin);
        break;
      case "amazonec2-instance-type":
        ec2.set("instance_types", [value], origin);
        break;
      case "amazonec2-subnet-id":
        ec2.set("subnets", [value], origin);
        break;
      case "amazonec2-zone":
        notes.add(
          "lost",
          origin,
          lastOf("amazonec2-subnet-id") === undefined ? "name the subnets that lie in it" : "the subnet lies in it",
        );
        break;
      case "amazonec2-security-group":
        if (/^sg-/.test(value)) groups.push({ id: value, origin });
        else
          notes.add(
            "lost",
            origin,
            "it is a name, and mayfly takes ids: `aws ec2 describe-security-groups` tells them",
          );
        break;
      case "amazonec2-tags":
        Object.assign(tags, importTags(value, origin, notes));
        if (Object.keys(tags).length > 0) ec2.set("tags", { ...tags }, origin);
        break;
      case "amazonec2-root-size":
        ec2.set("disk", `${value}GiB`, origin);
        break;
      case "amazonec2-iam-instance-profile":
        ec2.set("instance_profile", value, origin);
        break;
      case "amazonec2-request-spot-instance":
        if (value !== "false")
          ec2.set("market", "spot", origin, '"spot-first" would take on-demand machines while there is no spot room');
        break;
      case "amazonec2-use-private-address":
        if (value !== "false") ec2.set("public_address", false, origin);
        break;
      case "amazonec2-endpoint":
        ec2.set("endpoint", /^https?:/.test(value) ? value : `https://${value}`, origin);
        break;
      case "engine-registry-mirror":
        guest.splice(0, guest.length, ...importMirror(value, origin, notes));
        break;
      default:
        importOther(name, origin, notes);
    }
  }
  if (groups[0] !== undefined) ec2.set("security_groups", [...new Set(groups.map(({ id }) => id))], groups[0].origin);
  const without = (name: string): Origin => ({ ...options, name: `${options.name} (no ${name})` });
  if (lastOf("amazonec2-private-address-only") !== undefined) ec2.set("public_address", false, options);
  else if (lastOf("amazonec2-use-private-address") === undefined)
    ec2.set("public_address", true, without("amazonec2-use-private-address"));
  if (["false", undefined].includes(lastOf("amazonec2-request-spot-instance")))
    ec2.set("market", "on-demand", without("amazonec2-request-spot-instance"));
  return { guest };
}

function importOther(name: string, origin: Origin, notes: Notes): void {
  const secret = SECRET[name];
  if (secret !== undefined) notes.add("secret", origin, secret);
  else if (LOST[name] !== undefined) notes.add("lost", origin, LOST[name]);
  else if (name.startsWith("engine-"))
    notes.add("lost", origin, "the engine is set up by its image: write /etc/docker/daemon.json there");
  else notes.add("lost", origin, "mayfly has no such option; its value was not looked at");
}

/** Reads `key,value,key,value`. */
function importTags(text: string, origin: Origin, notes: Notes): Record<string, string> {
  const parts = text.split(",");
  const tags: Record<string, string> = {};
  for (let index = 0; index + 1 < parts.length; index += 2) {
    const [key = "", value = ""] = [parts[index]?.trim(), parts[index + 1]?.trim()];
    if (/^(?:aws:|mayfly:|Name$)/.test(key)) notes.add("lost", origin, `the tag ${key} is AWS's or mayfly's own`);
    else tags[key] = value;
  }
  if (parts.length % 2 === 1 && text !== "") notes.add("lost", origin, "its last key has no value");
  return tags;
}

function importMirror(url: string, origin: Origin, notes: Notes): DraftLine[] {
  if (!mirrorUrl().safeParse(url).success) {
    notes.add(
      "lost",
      origin,
      "pool.guest.registry_mirror must be the http or https URL of a host, without path and credentials",
    );
    return [];
  }
  notes.add("became", origin, "pool.guest.registry_mirror");
  return [{ key: "registry_mirror", value: url.replace(/\/$/, ""), why: fromSetting(origin) }];
}
