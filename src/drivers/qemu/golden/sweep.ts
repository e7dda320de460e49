import { rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Clock } from "../../../ports/clock.ts";
import { DRAFT_PREFIX, draftFolders, goldenFolders } from "./folder.ts";
import { endTemplate } from "./make.ts";
import { diskBytesOf, problemWith, readManifest, usedAt } from "./manifest.ts";

/** More shapes than a host runs at a time; each state takes what its guest has ever written to memory, 0.5 GiB at 1 GiB of it. */
const MAX_STATES = 8;
const MAX_BYTES = 16 * 2 ** 30;

/** Ends templates and removes drafts that a killed process left. Only for the holder of the lock: nobody else's can be alive. */
export async function removeLeftTemplates(root: string, clock: Clock): Promise<void> {
  for (const draft of await draftFolders(root)) {
    await endTemplate(draft, clock);
    await rm(draft, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Removes states that are of no use any more, and, beyond the bounds, those that were used least lately. Only for the holder of the lock. */
export async function removeOldStates(root: string, qemuVersion: string): Promise<void> {
  const states = await Promise.all(
    (await goldenFolders(root)).map(async (folder) => {
      const state = await readManifest(folder);
      if (state === undefined || (await problemWith(state, qemuVersion)) !== "")
        return { folder, usedAt: -1, bytes: 0 };
      return { folder, usedAt: await usedAt(state), bytes: await diskBytesOf(state) };
    }),
  );
  let count = 0;
  let bytes = 0;
  for (const state of states.sort((a, b) => b.usedAt - a.usedAt)) {
    count += 1;
    bytes += state.bytes;
    if (state.usedAt < 0 || count > MAX_STATES || bytes > MAX_BYTES) await removeState(state.folder);
  }
}

/** Removes a state so that it is never seen in part. Machines that were restored from it hold its files open. Gone already is success. */
export async function removeState(folder: string): Promise<void> {
  const doomed = join(folder, "..", `${DRAFT_PREFIX}doomed-${basename(folder)}`);
  await rm(doomed, { recursive: true, force: true });
  await rename(folder, doomed).catch(() => undefined);
  await rm(doomed, { recursive: true, force: true });
}
