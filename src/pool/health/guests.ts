import { MachineLostError } from "../../domain/errors.ts";
import type { MachineId } from "../../domain/ids.ts";
import type { ReadyGuest } from "../../ports/guest.ts";

/** A kept channel, and the signal that tells its holder when the machine is lost. */
export interface LiveGuest extends ReadyGuest {
  readonly lost: AbortSignal;
}

/** The kept channels of ready machines. They live in this process only. */
export interface Guests {
  add(id: MachineId, guest: ReadyGuest): void;
  get(id: MachineId): LiveGuest | undefined;
  /** Closes the channel and tells the holder why. Unknown is success. */
  drop(id: MachineId, why: string): void;
  /** Closes all channels without a word: the machines go on. */
  closeAll(): void;
}

/** Creates an empty register. */
export function createGuests(): Guests {
  const guests = new Map<MachineId, { readonly guest: LiveGuest; readonly loss: AbortController }>();

  return {
    add(id, guest) {
      const loss = new AbortController();
      guests.set(id, { guest: { ...guest, lost: loss.signal }, loss });
    },
    get: (id) => guests.get(id)?.guest,
    drop(id, why) {
      const entry = guests.get(id);
      guests.delete(id);
      entry?.loss.abort(new MachineLostError("machine-lost", why));
      entry?.guest.channel.close();
    },
    closeAll() {
      for (const { guest } of guests.values()) guest.channel.close();
      guests.clear();
    },
  };
}
