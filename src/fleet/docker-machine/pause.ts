import { setTimeout as sleep } from "node:timers/promises";

/** Waits, by the real clock: the one place of docker-machine that does. */
export const pause = (ms: number): Promise<void> => sleep(ms);
