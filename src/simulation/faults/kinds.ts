/** How faults of one kind come about: how often in a day at the most, how long one lasts, and how likely it strikes a call meanwhile. */
export interface FaultShape {
  readonly what: string;
  readonly mostPerDay: number;
  /** Least and most, in milliseconds; [0, 0] strikes once. */
  readonly forMs: readonly [number, number];
  readonly rate: readonly [number, number];
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const ONCE = { forMs: [0, 0], rate: [1, 1] } as const;

/** Faults of a day with any provider. Those with a time strike calls within it; the others strike once, at their instant. */
const COMMON_SHAPES = {
  "launch-no-capacity": {
    what: "launches refused: no capacity",
    mostPerDay: 3,
    forMs: [MINUTE_MS, 3 * HOUR_MS],
    rate: [0.3, 1],
  },
  "launch-quota": { what: "launches refused: quota", mostPerDay: 2, forMs: [MINUTE_MS, HOUR_MS], rate: [1, 1] },
  "launch-throttled": {
    what: "launches throttled",
    mostPerDay: 4,
    forMs: [10 * SECOND_MS, 20 * MINUTE_MS],
    rate: [0.2, 1],
  },
  "launch-answer-late": { what: "launches answered late", mostPerDay: 4, forMs: [MINUTE_MS, HOUR_MS], rate: [0.2, 1] },
  "launch-answer-lost": { what: "launches never answered", mostPerDay: 4, forMs: [MINUTE_MS, HOUR_MS], rate: [0.2, 1] },
  "launch-answer-cut": {
    what: "launches cut off after their effect",
    mostPerDay: 4,
    forMs: [MINUTE_MS, HOUR_MS],
    rate: [0.2, 1],
  },
  "launch-effect-late": {
    what: "launches with a late effect",
    mostPerDay: 4,
    forMs: [MINUTE_MS, HOUR_MS],
    rate: [0.2, 1],
  },
  "quota-lowered": { what: "quotas below the limits", mostPerDay: 2, forMs: [MINUTE_MS, 3 * HOUR_MS], rate: [1, 1] },
  "calls-throttled": {
    what: "calls of every kind throttled, as when another tenant drains the account's budget",
    mostPerDay: 3,
    forMs: [10 * SECOND_MS, 20 * MINUTE_MS],
    rate: [0.3, 1],
  },
  "list-stale": { what: "stale lists", mostPerDay: 5, forMs: [MINUTE_MS, 2 * HOUR_MS], rate: [0.3, 1] },
  "list-partial": {
    what: "lists without some machines",
    mostPerDay: 5,
    forMs: [10 * SECOND_MS, 20 * MINUTE_MS],
    rate: [0.1, 0.5],
  },
  "list-fails": { what: "failed lists", mostPerDay: 4, forMs: [MINUTE_MS, HOUR_MS], rate: [0.2, 1] },
  "list-hangs": { what: "lists never answered", mostPerDay: 3, forMs: [MINUTE_MS, HOUR_MS], rate: [0.2, 1] },
  "terminate-lost": { what: "terminations lost", mostPerDay: 4, forMs: [MINUTE_MS, HOUR_MS], rate: [0.2, 1] },
  "terminate-answer-lost": {
    what: "terminations never answered",
    mostPerDay: 4,
    forMs: [MINUTE_MS, HOUR_MS],
    rate: [0.2, 1],
  },
  "terminate-slow": { what: "slow terminations", mostPerDay: 4, forMs: [MINUTE_MS, HOUR_MS], rate: [0.2, 1] },
  "terminate-refused": { what: "terminations refused", mostPerDay: 4, forMs: [MINUTE_MS, HOUR_MS], rate: [0.2, 1] },
  "terminate-unauthorized": {
    what: "unauthorized answers about what is gone",
    mostPerDay: 2,
    forMs: [HOUR_MS, 12 * HOUR_MS],
    rate: [1, 1],
  },
  "terminate-not-found": {
    what: 'terminations answered by "no such instance" about what is there',
    mostPerDay: 3,
    forMs: [10 * SECOND_MS, 10 * MINUTE_MS],
    rate: [0.2, 1],
  },
  "boot-slow": { what: "slow boots", mostPerDay: 3, forMs: [MINUTE_MS, HOUR_MS], rate: [0.3, 1] },
  "boot-hangs": { what: "boots that hang", mostPerDay: 4, forMs: [MINUTE_MS, HOUR_MS], rate: [0.2, 1] },
  "boot-dies": { what: "boots that die", mostPerDay: 4, forMs: [MINUTE_MS, HOUR_MS], rate: [0.2, 1] },
  "boot-unreachable": {
    what: "boots that come up unreachable",
    mostPerDay: 4,
    forMs: [MINUTE_MS, HOUR_MS],
    rate: [0.2, 1],
  },
  partition: { what: "guests out of reach", mostPerDay: 3, forMs: [5 * SECOND_MS, 20 * MINUTE_MS], rate: [0.5, 1] },
  "channel-cut": { what: "channels cut", mostPerDay: 12, ...ONCE },
  "engine-dead": { what: "engines dead", mostPerDay: 8, ...ONCE },
  "instance-vanishes": { what: "machines vanished", mostPerDay: 12, ...ONCE },
  "instance-stops": { what: "machines stopped by themselves", mostPerDay: 8, ...ONCE },
  "instance-stray": { what: "instances with our tag that nobody launched", mostPerDay: 4, ...ONCE },
  "spot-notice": { what: "spot notices", mostPerDay: 8, ...ONCE },
  "clock-jump": { what: "clock jumps", mostPerDay: 6, ...ONCE },
  "disk-full": { what: "full disks", mostPerDay: 3, forMs: [SECOND_MS, 30 * MINUTE_MS], rate: [0.2, 1] },
  "disk-slow": { what: "slow disks", mostPerDay: 2, forMs: [MINUTE_MS, HOUR_MS], rate: [0.1, 0.6] },
  "manager-kill": { what: "managers killed", mostPerDay: 10, ...ONCE },
  "manager-killed-twice": { what: "managers killed, and killed again while they took over", mostPerDay: 4, ...ONCE },
  "manager-stands-still": { what: "managers paused with their host", mostPerDay: 4, ...ONCE },
  "manager-hand-over": { what: "managers handed over", mostPerDay: 4, ...ONCE },
  "front-door-dies": { what: "front doors died", mostPerDay: 12, ...ONCE },
  "front-door-cancels": { what: "jobs cancelled", mostPerDay: 12, ...ONCE },
  "limits-changed": { what: "limits changed in the middle of a pass", mostPerDay: 6, ...ONCE },
  "pool-reshaped": { what: "pools whose machines are to be made otherwise", mostPerDay: 4, ...ONCE },
  "pool-removed": { what: "pools removed for a while", mostPerDay: 2, ...ONCE },
  "pool-cordoned": { what: "pools cordoned for a while", mostPerDay: 3, ...ONCE },
  "pool-drained": { what: "pools drained for a while", mostPerDay: 2, ...ONCE },
  "machine-ended": { what: "machines ended by the operator", mostPerDay: 5, ...ONCE },
  "stop-refused": { what: "stops refused", mostPerDay: 3, forMs: [MINUTE_MS, HOUR_MS], rate: [0.2, 1] },
  "stop-lost": { what: "stops lost", mostPerDay: 3, forMs: [MINUTE_MS, HOUR_MS], rate: [0.2, 1] },
  "stop-answer-lost": { what: "stops never answered", mostPerDay: 3, forMs: [MINUTE_MS, HOUR_MS], rate: [0.2, 1] },
  "stop-slow": { what: "slow stops", mostPerDay: 3, forMs: [MINUTE_MS, HOUR_MS], rate: [0.2, 1] },
  "start-no-capacity": {
    what: "starts refused: no capacity",
    mostPerDay: 4,
    forMs: [MINUTE_MS, 3 * HOUR_MS],
    rate: [0.3, 1],
  },
  "start-lost": { what: "starts lost", mostPerDay: 3, forMs: [MINUTE_MS, HOUR_MS], rate: [0.2, 1] },
  "start-answer-lost": { what: "starts never answered", mostPerDay: 3, forMs: [MINUTE_MS, HOUR_MS], rate: [0.2, 1] },
  "start-answer-cut": {
    what: "starts cut off after their effect",
    mostPerDay: 3,
    forMs: [MINUTE_MS, HOUR_MS],
    rate: [0.2, 1],
  },
  "start-effect-late": {
    what: "starts with a late effect",
    mostPerDay: 3,
    forMs: [MINUTE_MS, HOUR_MS],
    rate: [0.2, 1],
  },
  burst: { what: "bursts of 1,000 jobs", mostPerDay: 1, ...ONCE },
} as const satisfies Record<string, FaultShape>;

/** What an account of EC2 can do beside. */
const EC2_SHAPES = {
  "offerings-empty": {
    what: "offerings without capacity: some types in some zones, in one market or both",
    mostPerDay: 5,
    forMs: [MINUTE_MS, 3 * HOUR_MS],
    rate: [1, 1],
  },
  "spot-empty": {
    what: "a spot market that has nothing",
    mostPerDay: 3,
    forMs: [MINUTE_MS, 3 * HOUR_MS],
    rate: [1, 1],
  },
  "spot-quota": {
    what: "spot launches refused: MaxSpotInstanceCountExceeded",
    mostPerDay: 2,
    forMs: [MINUTE_MS, HOUR_MS],
    rate: [1, 1],
  },
  "vcpu-quota": {
    what: "on-demand launches refused: VcpuLimitExceeded",
    mostPerDay: 2,
    forMs: [MINUTE_MS, HOUR_MS],
    rate: [1, 1],
  },
  "fleet-quota": {
    what: "whole fleets refused: MaxFleetCountExceeded",
    mostPerDay: 2,
    forMs: [MINUTE_MS, HOUR_MS],
    rate: [0.3, 1],
  },
  "server-errors": {
    what: "calls of every kind answered by 500 and 503",
    mostPerDay: 4,
    forMs: [10 * SECOND_MS, 20 * MINUTE_MS],
    rate: [0.1, 0.8],
  },
  "answers-cut": {
    what: "connections cut, before a call's effect or after it",
    mostPerDay: 4,
    forMs: [10 * SECOND_MS, 20 * MINUTE_MS],
    rate: [0.1, 0.5],
  },
  "describe-late": {
    what: "young instances that describes do not show, and calls do not know, for a while",
    mostPerDay: 4,
    forMs: [MINUTE_MS, 2 * HOUR_MS],
    rate: [0.3, 1],
  },
  "spot-raid": { what: "spot instances announced to be taken back, several at once", mostPerDay: 3, ...ONCE },
  "template-deleted": { what: "launch templates deleted by somebody", mostPerDay: 3, ...ONCE },
} as const satisfies Record<string, FaultShape>;

/** Every fault that a simulated day may hold. */
export const FAULT_SHAPES = { ...COMMON_SHAPES, ...EC2_SHAPES };

export type FaultKind = keyof typeof FAULT_SHAPES;
type FaultKinds = readonly [FaultKind, ...FaultKind[]];

/** Tells whether a fault is one of stops and starts, which only a provider with stopped machines knows. */
export const isTierFault = (kind: FaultKind): boolean => /^(stop|start)-/.test(kind);
/** The faults of a day with the simulated provider. */
export const FAULT_KINDS = Object.keys(COMMON_SHAPES) as readonly FaultKind[] as FaultKinds;
/** The faults of a day in an account of EC2, whose pools keep no stopped machines. */
export const EC2_FAULT_KINDS = (Object.keys(FAULT_SHAPES) as FaultKind[]).filter((kind) => !isTierFault(kind));

/** One fault of one day: data, so that a day can be run again with fewer of them. */
export interface Fault {
  /** Its place in the day's plan; names it for replays. */
  readonly index: number;
  readonly kind: FaultKind;
  /** In milliseconds since the day's start. */
  readonly atMs: number;
  /** In milliseconds; 0 for those that strike once. */
  readonly forMs: number;
  /** How likely it strikes a call within its time, 0-1. */
  readonly rate: number;
  /** Decides whatever else the kind leaves open, in [0, 1). */
  readonly value: number;
}
