import type { MachineError } from "../../../src/domain/errors.ts";
import type { GuestSettings } from "../../../src/domain/pool.ts";
import type { AmiDeps } from "../../../src/drivers/ec2/image/build.ts";
import type { ReadyGuest } from "../../../src/ports/guest.ts";
import type { VirtualEc2 } from "./inProcess.ts";

/** The inside of the machines that images are made of, pretended. */
export interface PretendedBuilder {
  readonly deps: AmiDeps;
  /** What became of them, in order. */
  readonly events: string[];
  /** What they were told of the engine. */
  readonly seeds: Partial<GuestSettings>[];
  /** They come up no more. */
  hang(): void;
  recover(): void;
  /** They fail to forget themselves. */
  fail(error: MachineError): void;
}

/** From the address to the engine, and from there to the last package. */
const BOOT_MS = 12_000;
const FORGET_MS = 5_000;

export function createPretendedBuilder({ deps }: Pick<VirtualEc2, "deps">): PretendedBuilder {
  const events: string[] = [];
  const seeds: Partial<GuestSettings>[] = [];
  let isHanging = false;
  let failure: MachineError | undefined;
  const pair = { publicKey: "public", privateKey: "private" };
  return {
    events,
    seeds,
    hang() {
      isHanging = true;
    },
    recover() {
      isHanging = false;
    },
    fail(error) {
      failure = error;
    },
    deps: {
      ...deps,
      guest: {
        createKeys: () => ({ host: pair, client: pair }),
        async seedFrom(_machineId, _keys, { engine, registryMirror, dataRoot }) {
          seeds.push({ engine, registryMirror, dataRoot });
          return { userData: "#cloud-config\n", metaData: "" };
        },
        async connect(_address, _keys, _settings, signal) {
          await deps.clock.sleep(isHanging ? 10 ** 9 : BOOT_MS, signal);
          events.push("ready");
          return { channel: { close: () => void events.push("closed") } } as Partial<ReadyGuest> as ReadyGuest;
        },
      },
      // Files take real time, which a virtual clock does not wait for.
      readRecipe: async () => ["packages: [docker.io]"],
      async forgetIdentity(_ready, signal) {
        await deps.clock.sleep(FORGET_MS, signal);
        if (failure !== undefined) throw failure;
        events.push("forgot");
      },
    },
  };
}
