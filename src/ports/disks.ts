/** The file system under something that the manager writes or reads. */
export interface DiskSpace {
  /** For people, e.g. `state directory`. */
  readonly what: string;
  readonly path: string;
  /** What is left for this user. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** The disks that a manager lives on. */
export interface Disks {
  /** The state directory's first; one that lies on the same disk is left out. @throws what the file system says. */
  look(): Promise<readonly [DiskSpace, ...DiskSpace[]]>;
}
