/** A program that mayfly calls on the host. */
export interface Requirement {
  readonly program: string;
  /** The Debian or Ubuntu package that brings it. */
  readonly debianPackage: string;
  readonly purpose: string;
}

/** All that the embedded default, QEMU on this host, needs beside Node. */
const REQUIREMENTS: readonly Requirement[] = [
  { program: "qemu-system-x86_64", debianPackage: "qemu-system-x86", purpose: "runs the machines" },
  { program: "qemu-img", debianPackage: "qemu-utils", purpose: "makes their disks" },
  { program: "mmdebstrap", debianPackage: "mmdebstrap", purpose: "builds the guest image from Debian's packages" },
  { program: "mkfs.ext4", debianPackage: "e2fsprogs", purpose: "writes the guest's file system" },
];

/** What an ordinary user needs beside: a range of user ids in which the guest's files can have their owners. */
const UNPRIVILEGED_REQUIREMENTS: readonly Requirement[] = [
  { program: "newuidmap", debianPackage: "uidmap", purpose: "builds the guest image without root" },
];

/** All that mayfly needs of a host, for root or for an ordinary user. */
export function requirementsFor({ isRoot }: { readonly isRoot: boolean }): readonly Requirement[] {
  return isRoot ? REQUIREMENTS : [...REQUIREMENTS, ...UNPRIVILEGED_REQUIREMENTS];
}

/** Tells which requirements a host lacks. `has` looks a program up. */
export function missingRequirements(
  requirements: readonly Requirement[],
  has: (program: string) => boolean,
): readonly Requirement[] {
  return requirements.filter(({ program }) => !has(program));
}

/** The commands that install packages, as an operator would type them. */
export function installCommands(packages: readonly string[], isRoot: boolean): readonly string[] {
  const sudo = isRoot ? "" : "sudo ";
  return [`${sudo}apt-get update`, `${sudo}apt-get install -y --no-install-recommends ${packages.join(" ")}`];
}
