/** Cloud-init documents, under NoCloud's names. */
export interface CloudInit {
  readonly userData: string;
  readonly metaData: string;
}

/** What a machine is told at its first boot. The documents hold the machine's own private host key. */
export interface Seed extends CloudInit {
  /** For a driver that can copy a machine that has booted before; absent when no copy could become this machine. */
  readonly restore?: RestoreSeed | undefined;
}

/** What makes a copy of a machine's memory the same as a machine that booted with the seed. */
export interface RestoreSeed {
  /** What the machine that is copied is told at its own first boot: nothing of any one machine, no secret. Of equal ones one copy serves. */
  readonly template: CloudInit;
  /** Images that it pulls before it is copied, telling of each on its console (cloud-init/preload). @default none */
  readonly preload?: readonly string[] | undefined;
  readonly identity: Identity;
}

/** All that a copy is told, before anybody can reach it. Holds the machine's own private host key. */
export interface Identity {
  readonly hostname: string;
  /** The engine's own name, and the key that it stands for. */
  readonly engine: { readonly id: string; readonly key: string };
  readonly files: readonly GuestFile[];
  /** Words that the engine tells of its settings once it has read them again. @default the settings are the template's */
  readonly engineSettings?: string | undefined;
  /** Units of systemd that begin anew once the files are there, e.g. timers. */
  readonly units: readonly string[];
}

/** One file of a machine. */
export interface GuestFile {
  readonly path: string;
  readonly content: string;
  /** Permission bits. */
  readonly mode: number;
  /** Name of an account. */
  readonly owner: string;
}
