import { randomBytes } from "node:crypto";
import type { Identity } from "../../../ports/seed.ts";

/**
 * The wake disk: what a restored machine reads, before anybody can reach it, to become a machine of its own. Read by
 * cloud-init/image/mayfly-wake. Its first line is `mayfly-wake 1 BYTES`, then come records in the order in which they are carried
 * out: `WHAT BYTES WORDS`, a line feed, that many bytes, a line feed.
 */

/** The guest remembers the size that the disk had when it was saved, so that all have the same. In bytes. */
export const WAKE_DISK_BYTES = 262_144;

/** Fresh randomness of the host for the guest's kernel: twice what its pool holds. */
const ENTROPY_BYTES = 64;

/** What the driver knows of a restored machine. */
export interface WakeFacts {
  readonly identity: Identity;
  /** Six bytes in hex. */
  readonly mac: string;
  /** What the guest's clock is set to, in ms since 1970. */
  readonly now: number;
}

/** Tells whether all of an identity fits on the disk and in the format. */
export function canWake(identity: Identity): boolean {
  const words = [identity.hostname, ...identity.units, ...identity.files.flatMap(({ path, owner }) => [path, owner])];
  if (words.some((word) => /[\s\0]/.test(word)) || identity.engineSettings?.includes("\n") === true) return false;
  return textFrom({ identity, mac: "0".repeat(12), now: 0 }).length <= WAKE_DISK_BYTES;
}

/** A disk that says nothing: what a machine finds there until it has been restored. */
export const blankWakeDisk = (): Buffer => Buffer.alloc(WAKE_DISK_BYTES);

/** Renders the disk. @throws Error for an identity that cannot be woken. */
export function wakeDiskFrom(facts: WakeFacts): Buffer {
  if (!canWake(facts.identity)) throw new Error("the identity of the machine does not fit on its wake disk");
  const disk = blankWakeDisk();
  textFrom(facts).copy(disk);
  return disk;
}

function textFrom({ identity, mac, now }: WakeFacts): Buffer {
  const { hostname, engine, files, engineSettings, units } = identity;
  const records = Buffer.concat([
    record("time", (now / 1000).toFixed(3)),
    // Before all else that is random on the machine.
    record("entropy", randomBytes(ENTROPY_BYTES).toString("hex")),
    record("mac", mac),
    record("hostname", hostname),
    record("instance", hostname),
    ...files.map(({ path, content, mode, owner }) => record("file", `${mode.toString(8)} ${owner} ${path}`, content)),
    record("engine", engine.id, engine.key),
    ...(engineSettings === undefined ? [] : [record("reload", engineSettings)]),
    record("units", units.join(" ")),
  ]);
  return Buffer.concat([Buffer.from(`mayfly-wake 1 ${records.length}\n`), records]);
}

function record(what: string, words: string, content = ""): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from(`${what} ${bytes.length} ${words}\n`), bytes, Buffer.from("\n")]);
}
