/** What the operator says that machines of a pool cost. Goes before every price that mayfly knows. */
export interface CostSettings {
  /** One machine of whatever kind, in US dollars per hour, ≥ 0. */
  readonly usdPerHour?: number | undefined;
  /** One machine of an instance type, by its name, in US dollars per hour, ≥ 0. Goes before `usdPerHour`. */
  readonly usdPerHourByType?: Readonly<Record<string, number>> | undefined;
  /** The disk of a machine, in US dollars per GiB and month, ≥ 0. */
  readonly usdPerGiBMonth?: number | undefined;
}

/** What a provider sold, as its price list names it. */
export interface Offering {
  readonly instanceType: string;
  readonly region: string;
  readonly market: "on-demand" | "spot";
  /** The price of the moment, where the provider was asked for it, in US dollars per hour. */
  readonly usdPerHour?: number | undefined;
}

/** What one machine costs, as known at its launch. */
export interface MachinePrice {
  /** Machine and disk together, in US dollars per hour that is billed, ≥ 0. */
  readonly usdPerHour: number;
  /** What of it is for the disk, which is billed while a machine is stopped, too. */
  readonly diskUsdPerHour?: number | undefined;
  /** Where the figure is from, for people. */
  readonly source: string;
}
