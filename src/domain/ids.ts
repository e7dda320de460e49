declare const brand: unique symbol;
type Brand<Text extends string> = string & { readonly [brand]: Text };

/** Names one machine for its whole life; also the tag on its instance and the name of its intent. */
export type MachineId = Brand<"MachineId">;
/** Names one lease. */
export type LeaseId = Brand<"LeaseId">;
/** Names one accepted job. */
export type JobId = Brand<"JobId">;

/** Epoch milliseconds. */
export type EpochMs = number;

export const machineIdFrom = (text: string): MachineId => text as MachineId;
export const leaseIdFrom = (text: string): LeaseId => text as LeaseId;
export const jobIdFrom = (text: string): JobId => text as JobId;
