/** What a machine of the QEMU driver is made of. */
export interface QemuShape {
  readonly driver: "qemu";
  /** Name of a guest image that `mayfly image build` made. @default "debian-12" */
  readonly image: string;
  /** Virtual processors, 1-64. */
  readonly cpus: number;
  /** Guest memory in MiB, ≥ 256. */
  readonly memoryMiB: number;
  /** Virtual size of the root disk in GiB, ≥ the image's own size. */
  readonly diskGiB: number;
  /** Whether machines are restored from the memory of one that has booted, where that can be. @default true */
  readonly restore?: boolean | undefined;
}

/**
 * How machines are paid for: `spot` never costs the full price and may find no room; `spot-first` takes on-demand machines then,
 * and while spot ones are being taken back often.
 */
export type Ec2Market = "spot-first" | "spot" | "on-demand";

/** What a machine of the EC2 driver is made of, and where. */
export interface Ec2Shape {
  readonly driver: "ec2";
  /** E.g. "eu-central-1". Ids of images, subnets and groups hold in it alone. */
  readonly region: string;
  /** Of the AWS configuration files. @default what the AWS SDK finds by itself */
  readonly profile?: string | undefined;
  /** URL of another endpoint than the region's own. */
  readonly endpoint?: string | undefined;
  readonly ami: string;
  /** Any of them will do: the more there are, the rarer is a lack of room. */
  readonly instanceTypes: readonly string[];
  /** Any of them will do; those of several zones find room more often. */
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  readonly market: Ec2Market;
  /** Size of the root volume in GiB, ≥ the image's own. */
  readonly diskGiB: number;
  /** Name of the instance profile that jobs get the rights of. @default none */
  readonly instanceProfile?: string | undefined;
  /** Whether machines get an address of the internet, and are reached there. */
  readonly publicAddress: boolean;
  /** Put on instances and volumes beside our own. */
  readonly tags: Readonly<Record<string, string>>;
}

/** What a simulated machine is made of: nothing. */
export interface SimulatedShape {
  readonly driver: "simulated";
  /** Tells one shape from another. @default all are the same */
  readonly image?: string | undefined;
}

/** What machines of a pool are made of, per driver. A new driver adds its shape here. */
export type MachineShape = QemuShape | Ec2Shape | SimulatedShape;
export type DriverName = MachineShape["driver"];
