import type { EpochMs, LeaseId, MachineId } from "../domain/ids.ts";

/** Which pool a machine for docker-machine comes from, as far as its command line says. */
export interface PoolWish {
  /** Named by hand: no other will do. */
  readonly poolName?: string | undefined;
  /** From the options of the amazonec2 driver: what tells several pools apart. */
  readonly ec2?:
    | {
        readonly region?: string | undefined;
        readonly instanceType?: string | undefined;
        readonly ami?: string | undefined;
      }
    | undefined;
}

/** What `docker-machine create` asks for. */
export interface DockerMachineRequest {
  readonly name: string;
  /** The absolute path under which `machines/NAME` is going to be written, by whoever asks. */
  readonly storagePath: string;
  /** Made by whoever asks: with it, a create whose manager went away goes on with the next one. */
  readonly key: string;
  readonly wish: PoolWish;
  /** Longest wait for a machine, in milliseconds. @default as of a lease */
  readonly waitTimeoutMs?: number | undefined;
}

/** A machine that is ready, with all that its directory must hold. Its key is told here alone, and stored nowhere else. */
export interface ReadyDockerMachine {
  readonly id: string;
  readonly leaseId: LeaseId;
  readonly machineId: MachineId;
  readonly poolName: string;
  /** Where its engine is spoken to, over TLS: `tcp://127.0.0.1:PORT`. */
  readonly url: string;
  /** Of the machine itself. */
  readonly address: string;
  readonly user: string;
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

/** What a create tells as it goes: why it waits, the machine, and that it is kept. */
export type CreateEvent =
  | { readonly kind: "progress"; readonly text: string }
  | { readonly kind: "ready"; readonly machine: ReadyDockerMachine }
  | { readonly kind: "kept" };

/** A machine that is held for a directory of docker-machine. */
export interface DockerMachineView {
  readonly id: string;
  readonly name: string;
  readonly storagePath: string;
  readonly poolName: string;
  readonly leaseId: LeaseId;
  readonly state: "creating" | "kept";
  readonly createdAt: EpochMs;
}

/**
 * The machines that are held for directories of docker-machine. Unknown ids throw NotFoundError: a machine that has ended,
 * for whatever reason, is unknown.
 */
export interface DockerMachines {
  /**
   * Leases a machine and makes a way to its engine. The machine ends with the signal, or when nobody reads on, unless it was
   * kept by then. @throws ConflictError `machine-exists` for a name that is taken; what acquiring a lease throws.
   */
  create(request: DockerMachineRequest, signal: AbortSignal): AsyncIterable<CreateEvent>;
  /** Its directory is written: from now on, that holds the machine. */
  keep(id: string): Promise<DockerMachineView>;
  /** Asks its engine, over the kept channel. A sign of life of its holder. @throws MachineLostError when it does not answer. */
  probe(id: string, signal: AbortSignal): Promise<DockerMachineView>;
  /** Ends it; resolves once that is recorded. Unknown is success. */
  remove(id: string): Promise<void>;
  list(): Promise<readonly DockerMachineView[]>;
}

/** What must survive a manager of one such machine. */
export interface DockerMachineRecord extends DockerMachineView {
  readonly key: string;
  /** SHA-256 of the client certificate that opens its engine; absent until the machine is ready. */
  readonly fingerprint?: string | undefined;
  /** The manager has seen the directory: once it is gone, so is the holder. A directory in another mount namespace is never seen. */
  readonly isSeen: boolean;
}

/** Where the engines are spoken to, and who vouches for it. As secret as the machines' keys. */
export interface DoorIdentity {
  /** On 127.0.0.1. The URLs of all machines say it, so it stays for as long as any of them lives. */
  readonly port: number;
  readonly caPem: string;
  readonly caKeyPem: string;
}

/** Keeps the records; every write is durable when its promise resolves. @throws SystemError when the disk does not let it. */
export interface DockerMachineRecords {
  all(): Promise<readonly DockerMachineRecord[]>;
  put(record: DockerMachineRecord): Promise<void>;
  /** Not there is success. */
  remove(id: string): Promise<void>;
  identity(): Promise<DoorIdentity | undefined>;
  putIdentity(identity: DoorIdentity): Promise<void>;
}

/** Looks at the directory of a machine: whether it is there and this machine's, is not, or cannot be seen from here. */
export type LookAtDirectory = (
  machine: Pick<DockerMachineView, "id" | "name" | "storagePath">,
) => Promise<"there" | "gone" | "unknown">;
