import { randomBytes } from "node:crypto";
import { ACCOUNT_LIMITS } from "../../../src/simulation/ec2/limits.ts";

/** What EC2 refuses, as it says it. */
export class Refusal extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export type Tags = Readonly<Record<string, string>>;

/** One pretended instance. */
export interface CloudInstance {
  readonly id: string;
  readonly fleetId: string;
  readonly imageId: string;
  readonly type: string;
  readonly subnet: string;
  readonly zone: string;
  readonly market: "spot" | "on-demand";
  readonly tags: Record<string, string>;
  readonly userData: string;
  /** Undefined until it has one. */
  address: string | undefined;
  readonly hasPublicAddress: boolean;
  /** Of its launch, or its last start. */
  launchedAt: number;
  /** From here on it is shown by describes, and known to calls that name it. */
  shownAt: number;
  runningAt: number;
  state: "live" | "stopped" | "ending";
  /** From when on it is stopped; until then it is stopping. */
  stoppedAt: number;
  /** When nothing of it is left; set with `ending`. */
  goneAt: number;
  /** When its end was announced. */
  markedAt?: number;
  stateReason?: { readonly code: string; readonly message: string };
}

/** What makes real machines of instances. */
export interface Machines {
  /** Gives the instance its address as soon as it has one. */
  start(instance: CloudInstance): void;
  /** Resolves when it has gone down; its disk stays. */
  stop(instance: CloudInstance): Promise<void>;
  /** Boots one that was stopped from its disk, at its address. */
  restart(instance: CloudInstance): void;
  end(instance: CloudInstance): Promise<void>;
  /** Makes an image of a stopped one's disk. */
  keep(instance: CloudInstance, imageId: string): Promise<void>;
}

export interface Template {
  readonly id: string;
  readonly name: string;
  readonly data: object;
  readonly tags: Tags;
  readonly createdAt: number;
}

export type PartKind = "volume" | "network-interface" | "spot-instances-request";

/** What comes with an instance, and goes with it as a rule. */
export interface CloudPart {
  readonly kind: PartKind;
  readonly id: string;
  /** Undefined for what never had one. */
  readonly instanceId: string | undefined;
  readonly tags: Tags;
  readonly createdAt: number;
}

/** A prepared image of the account. */
export interface CloudImage {
  readonly id: string;
  readonly name: string;
  readonly tags: Tags;
  readonly createdAt: number;
  availableAt: number;
  readonly hasFailed: boolean;
  readonly snapshotId: string;
}

export interface CloudSnapshot {
  readonly id: string;
  readonly tags: Tags;
  readonly startedAt: number;
}

/** Pretended time, quotas and habits of an account in one region. Tests change them as they go. */
export interface CloudSettings {
  /** From the launch to the first describe that shows it, in milliseconds. */
  showDelayMs: number;
  /** From the launch to `running`. */
  runDelayMs: number;
  /** From the termination to `terminated`. */
  endDelayMs: number;
  /** From the call to `stopped`. */
  stopDelayMs: number;
  /** From the making of an image to `available`, or to `failed`. */
  imageDelayMs: number;
  imagesFail: boolean;
  /** Parts of these kinds outlive their instance. */
  leaves: Set<PartKind>;
  /** Whether the documented token buckets of the account hold. */
  throttles: boolean;
  /** Instances that the account may have at once in each market. */
  quota: { spot: number; "on-demand": number };
  /** Free places by `market type zone`; a place that is not named has room. */
  room: Map<string, number>;
  pageSize: number;
}

/** A scripted failure: before the call takes effect, or after it, so that only the answer is lost. */
export interface Fault {
  readonly action: string;
  readonly moment: "before" | "after";
  /** "cut" closes the connection without an answer. */
  readonly refusal: Refusal | "cut";
}

/** The pretended account. It outlives the drivers that talk to it. */
export class Cloud {
  readonly settings: CloudSettings = {
    showDelayMs: 0,
    runDelayMs: 0,
    endDelayMs: 0,
    stopDelayMs: 0,
    imageDelayMs: 0,
    imagesFail: false,
    leaves: new Set(),
    throttles: false,
    quota: { spot: 1000, "on-demand": 1000 },
    room: new Map(),
    pageSize: 1000,
  };
  readonly calls: { readonly action: string; readonly at: number }[] = [];
  readonly faults: Fault[] = [];
  readonly instances: CloudInstance[] = [];
  readonly templates: Template[] = [];
  readonly parts: CloudPart[] = [];
  /** Images that the account made. */
  readonly prepared: CloudImage[] = [];
  readonly snapshots: CloudSnapshot[] = [];
  /** The offerings that each fleet was to choose from. */
  readonly offered: (readonly string[])[] = [];
  /** What earlier tokens brought, with the request that brought it. */
  readonly tokens = new Map<string, { readonly request: string; readonly answer: object }>();
  readonly images = new Map([["ami-0123456789abcdef0", "/dev/xvda"]]);
  /** VPCs of security groups. */
  readonly groups = new Map([
    ["sg-0123456789abcdef0", "vpc-0123456789abcdef0"],
    ["sg-0000000000000000e", "vpc-0000000000000000e"],
  ]);
  /** Filters that describes refuse. */
  readonly refusedFilters = new Map<string, Refusal>();
  /** Whether nobody comes as far as the endpoint, as in an outage of a region or of the way there. */
  isOutOfReach = false;
  /** Actions that the caller's policy does not grant. */
  readonly denied = new Set<string>();
  readonly zones = new Map([
    ["subnet-0000000000000000a", "eu-central-1a"],
    ["subnet-0000000000000000b", "eu-central-1b"],
    ["subnet-0000000000000000c", "eu-central-1c"],
    ["subnet-0000000000000000e", "eu-central-1a"],
  ]);
  /** The VPCs of subnets that are not in the first one. */
  readonly otherVpcs = new Map([["subnet-0000000000000000e", "vpc-0000000000000000e"]]);
  /** Spot prices in US dollars, as EC2 writes them, by `type zone`. */
  readonly spotPrices = new Map<string, string>();
  /** @default none: instances are no more than records, with addresses where nobody answers */
  machines: Machines | undefined;
  readonly #now: () => number;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();
  #nextHost = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  now(): number {
    return this.#now();
  }

  /** Instances that are not gone, all owners'. */
  live(): CloudInstance[] {
    return this.instances.filter((instance) => this.stateOf(instance) !== "terminated");
  }

  stateOf(instance: CloudInstance): "pending" | "running" | "stopping" | "stopped" | "shutting-down" | "terminated" {
    const now = this.now();
    if (instance.state === "ending") return instance.goneAt <= now ? "terminated" : "shutting-down";
    if (instance.state === "stopped") return instance.stoppedAt <= now ? "stopped" : "stopping";
    return instance.runningAt <= now ? "running" : "pending";
  }

  vpcOf(subnet: string): string {
    return this.otherVpcs.get(subnet) ?? "vpc-0123456789abcdef0";
  }

  /** The instance of an id that calls know already. @throws Refusal as EC2 does, for young ones too. */
  instance(id: string): CloudInstance {
    if (!/^i-[0-9a-f]{8,17}$/.test(id)) throw new Refusal("InvalidInstanceID.Malformed", `Invalid id: "${id}"`);
    const found = this.instances.find((instance) => instance.id === id && instance.shownAt <= this.now());
    if (found === undefined) throw new Refusal("InvalidInstanceID.NotFound", `The instance ID '${id}' does not exist`);
    return found;
  }

  add(
    facts: Pick<
      CloudInstance,
      "fleetId" | "imageId" | "type" | "subnet" | "zone" | "market" | "userData" | "hasPublicAddress"
    > & { tags: Tags },
  ): CloudInstance {
    const now = this.now();
    const instance: CloudInstance = {
      ...facts,
      tags: { ...facts.tags },
      id: idFrom("i"),
      address: this.machines !== undefined ? undefined : this.#host(),
      launchedAt: now,
      shownAt: now + this.settings.showDelayMs,
      runningAt: now + this.settings.runDelayMs,
      state: "live",
      stoppedAt: 0,
      goneAt: Infinity,
    };
    this.instances.push(instance);
    this.machines?.start(instance);
    return instance;
  }

  /** Tells why an instance cannot be stopped. */
  checkStop(instance: CloudInstance): void {
    if (instance.market === "spot")
      throw new Refusal("UnsupportedOperation", `You can't stop the Spot Instance '${instance.id}'`);
    const state = this.stateOf(instance);
    if (state !== "running" && state !== "stopping" && state !== "stopped") throw wrongState(instance, "stopped");
  }

  stop(instance: CloudInstance): void {
    if (instance.state === "stopped") return;
    instance.state = "stopped";
    instance.stoppedAt = this.now() + this.settings.stopDelayMs;
    if (this.machines === undefined) return;
    instance.stoppedAt = Infinity;
    void this.machines.stop(instance).then(() => {
      instance.stoppedAt = this.now();
    });
  }

  /** Tells why an instance cannot be started. */
  checkStart(instance: CloudInstance): void {
    const state = this.stateOf(instance);
    if (state === "pending" || state === "running") return;
    if (state !== "stopped") throw wrongState(instance, "started");
    if ((this.settings.room.get(`${instance.market} ${instance.type} ${instance.zone}`) ?? 1) <= 0)
      throw new Refusal(
        "InsufficientInstanceCapacity",
        `We currently do not have sufficient ${instance.type} capacity.`,
      );
  }

  /** Its private address stays. */
  start(instance: CloudInstance): void {
    if (instance.state === "live") return;
    const now = this.now();
    instance.state = "live";
    instance.launchedAt = now;
    instance.runningAt = now + this.settings.runDelayMs;
    if (instance.hasPublicAddress) instance.address = this.#host();
    this.machines?.restart(instance);
  }

  #host(): string {
    this.#nextHost += 1;
    return `127.77.${this.#nextHost >> 8}.${this.#nextHost & 255}`;
  }

  end(instance: CloudInstance, stateReason: { readonly code: string; readonly message: string }): void {
    if (instance.state === "ending") return;
    instance.state = "ending";
    instance.stateReason = stateReason;
    if (this.machines === undefined) instance.goneAt = this.now() + this.settings.endDelayMs;
    else
      void this.machines.end(instance).then(() => {
        instance.goneAt = this.now();
      });
  }

  /** Gives the notice of two minutes. */
  announce(id: string): void {
    this.instance(id).markedAt = this.now();
  }

  /** Takes a spot instance back, as the market does. */
  interrupt(id: string): void {
    this.end(this.instance(id), {
      code: "Server.SpotInstanceTermination",
      message: "Server.SpotInstanceTermination: Spot instance termination",
    });
  }

  /** Stops showing an instance for a while, as a lagging replica does. */
  hide(id: string, ms: number): void {
    this.instance(id).shownAt = this.now() + ms;
  }

  /** Erases an instance, as an hour does. */
  forget(id: string): void {
    this.instances.splice(this.instances.indexOf(this.instance(id)), 1);
  }

  /** Draws from the account's bucket for an action. @throws Refusal `RequestLimitExceeded`. */
  throttle(action: string): void {
    const limit = ACCOUNT_LIMITS[action];
    if (!this.settings.throttles || limit === undefined) return;
    const now = this.now();
    const bucket = this.#buckets.get(action) ?? { tokens: limit.burst, at: now };
    bucket.tokens = Math.min(limit.burst, bucket.tokens + ((now - bucket.at) / 1000) * limit.perSecond);
    bucket.at = now;
    this.#buckets.set(action, bucket);
    if (bucket.tokens < 1) throw new Refusal("RequestLimitExceeded", "Request limit exceeded.", 503);
    bucket.tokens -= 1;
  }

  /** Takes the scripted failure of this moment, if there is one. */
  fault(action: string, moment: Fault["moment"]): Fault["refusal"] | undefined {
    const index = this.faults.findIndex((fault) => fault.action === action && fault.moment === moment);
    return index < 0 ? undefined : this.faults.splice(index, 1)[0]?.refusal;
  }

  countOf(action: string): number {
    return this.calls.filter((call) => call.action === action).length;
  }
}

const wrongState = ({ id }: CloudInstance, what: string): Refusal =>
  new Refusal("IncorrectInstanceState", `The instance '${id}' is not in a state from which it can be ${what}.`);

/** A new id of EC2's form. */
export const idFrom = (prefix: string): string => `${prefix}-${randomBytes(9).toString("hex").slice(0, 17)}`;
