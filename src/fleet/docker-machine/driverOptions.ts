import type { PoolWish } from "../../ports/dockerMachines.ts";
import type { FlagKind, FlagSpec, Parsed } from "./flags.ts";

/** An option of docker-machine's own, with what decides in its place. */
type Counterpart = readonly [kind: FlagKind, instead: string];

const AT_POOL = "the machines are mayfly's";
const KEYS = "mayfly makes its own keys";
const CREDENTIALS = "the daemon's own AWS credentials";

/** Options of the amazonec2 driver. Source: docker/machine, drivers/amazonec2/amazonec2.go, GetCreateFlags. */
const AMAZONEC2: Readonly<Record<string, Counterpart>> = {
  "access-key": ["value", CREDENTIALS],
  "secret-key": ["value", CREDENTIALS],
  "session-token": ["value", CREDENTIALS],
  ami: ["value", "pool.ec2.ami"],
  region: ["value", "pool.ec2.region"],
  "vpc-id": ["value", "pool.ec2.subnets"],
  zone: ["value", "pool.ec2.subnets"],
  "subnet-id": ["value", "pool.ec2.subnets"],
  "security-group": ["list", "pool.ec2.security_groups"],
  "security-group-readonly": ["boolean", "mayfly changes none"],
  "open-port": ["list", "pool.ec2.security_groups"],
  tags: ["value", "pool.ec2.tags"],
  "instance-type": ["value", "pool.ec2.instance_types"],
  "device-name": ["value", "that of the image"],
  "root-size": ["value", "pool.ec2.disk"],
  "volume-type": ["value", "that of mayfly's launch template"],
  "iam-instance-profile": ["value", "pool.ec2.instance_profile"],
  "ssh-port": ["value", "22"],
  "ssh-user": ["value", "pool.guest.user"],
  "request-spot-instance": ["boolean", "pool.ec2.market"],
  "spot-price": ["value", "pool.ec2.market; EC2 caps it at the on-demand price"],
  "block-duration-minutes": ["value", "EC2 has no such blocks any more"],
  "private-address-only": ["boolean", "pool.ec2.public_address"],
  "use-private-address": ["boolean", "pool.ec2.public_address"],
  monitoring: ["boolean", AT_POOL],
  "use-ebs-optimized-instance": ["boolean", "pool.ec2.instance_types"],
  "ssh-keypath": ["value", KEYS],
  "keypair-name": ["value", KEYS],
  retries: ["value", "mayfly tries again by itself"],
  endpoint: ["value", "pool.ec2.endpoint"],
  "insecure-transport": ["boolean", "pool.ec2.endpoint"],
  userdata: ["value", "mayfly renders its own"],
};

/** Options of the engine. Source: docker/machine, commands/create.go. */
const ENGINE: Readonly<Record<string, Counterpart>> = {
  "install-url": ["value", "pool.guest.engine"],
  opt: ["list", "the engine of the pool's image"],
  "insecure-registry": ["list", "pool.guest.registry_mirror"],
  "registry-mirror": ["list", "pool.guest.registry_mirror"],
  "storage-driver": ["value", "the engine of the pool's image"],
  env: ["list", "the engine of the pool's image"],
};

const SWARM: Readonly<Record<string, FlagKind>> = {
  swarm: "boolean",
  "swarm-master": "boolean",
  "swarm-experimental": "boolean",
  "swarm-image": "value",
  "swarm-discovery": "value",
  "swarm-strategy": "value",
  "swarm-host": "value",
  "swarm-addr": "value",
  "swarm-opt": "list",
  "swarm-join-opt": "list",
  "tls-san": "list",
};

const kindsOf = (prefix: string, options: Readonly<Record<string, Counterpart>>): FlagSpec =>
  Object.fromEntries(Object.entries(options).map(([name, [kind]]) => [`${prefix}-${name}`, kind]));

/** All flags of `create`. */
export const CREATE_FLAGS: FlagSpec = {
  driver: "value",
  d: { means: "driver" },
  "mayfly-pool": "value",
  "mayfly-socket": "value",
  "mayfly-timeout": "value",
  // The one of the engine's options that is kept: `ls --filter label=…` looks for it.
  "engine-label": "list",
  ...kindsOf("amazonec2", AMAZONEC2),
  ...kindsOf("engine", ENGINE),
  ...SWARM,
};

/** Whether a flag that is not known is one of those families all the same, of a fork or a later version. */
export const isOfFamily = (name: string): boolean => /^(amazonec2|engine|swarm)-/.test(name);

/** Says of each option that was given and has no effect what decides in its place; names alone, since values may be secret. */
export function withoutEffect({ given }: Parsed): readonly string[] {
  return given.flatMap((name) => {
    const [, instead] =
      counterpart(name, "amazonec2", AMAZONEC2) ?? counterpart(name, "engine", ENGINE) ?? (["value", ""] as const);
    if (instead !== "") return [`--${name} (${instead})`];
    return Object.hasOwn(SWARM, name) || (isOfFamily(name) && name !== "engine-label") ? [`--${name}`] : [];
  });
}

function counterpart(
  name: string,
  prefix: string,
  options: Readonly<Record<string, Counterpart>>,
): Counterpart | undefined {
  const rest = name.startsWith(`${prefix}-`) ? name.slice(prefix.length + 1) : "";
  return Object.hasOwn(options, rest) ? options[rest] : undefined;
}

/** Which pool is wished for. */
export function wishFrom(flags: Parsed, env: Readonly<Record<string, string | undefined>>): PoolWish {
  const poolName = flags.value("mayfly-pool") || env["MAYFLY_POOL"] || undefined;
  if (flags.value("driver") !== "amazonec2") return { poolName };
  const region = flags.value("amazonec2-region") || undefined;
  const instanceType = flags.value("amazonec2-instance-type") || undefined;
  const ami = flags.value("amazonec2-ami") || undefined;
  return { poolName, ec2: { region, instanceType, ami } };
}
