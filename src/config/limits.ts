/** The most machines that a config may ask for, of one pool and over all pools. */
export const MAX_MACHINES = 10_000;
