import { mkdir } from "node:fs/promises";
import type { QemuShape } from "../../domain/shape.ts";
import type { LaunchSpec } from "../../ports/driver.ts";
import { chooseAddress } from "./address.ts";
import { checkRoom } from "./capacity.ts";
import type { QemuContext } from "./context.ts";
import type { InstanceRecord } from "./folder.ts";
import { eraseFolder, folderNames, folderOf, providerIdFrom, readRecord, writeRecord } from "./folder.ts";
import type { BootImage } from "./options.ts";

/** Takes room and an address, and puts the intent on disk. */
export async function admit(
  context: QemuContext,
  spec: LaunchSpec,
  shape: QemuShape,
  token: string,
  image: BootImage,
  origin: InstanceRecord["origin"],
): Promise<InstanceRecord> {
  const { options, deps } = context;
  await mkdir(context.root, { recursive: true, mode: 0o700 });
  // A crash may have left a folder without a record.
  await eraseFolder(folderOf(context, providerIdFrom(options.owner, token)));
  await checkRoom(context, shape);
  const record: InstanceRecord = {
    providerId: providerIdFrom(options.owner, token),
    owner: options.owner,
    token,
    machineId: spec.machineId,
    poolName: spec.poolName,
    address: await chooseAddress(deps.random, await takenHosts(context)),
    launchedAt: deps.clock.now(),
    memoryMiB: shape.memoryMiB,
    imageDigest: image.digest,
    origin,
  };
  await writeRecord(folderOf(context, record.providerId), record);
  return record;
}

/** Takes another address, for one that somebody else was faster to take. */
export async function moveAddress(context: QemuContext, record: InstanceRecord): Promise<InstanceRecord> {
  const address = await chooseAddress(context.deps.random, await takenHosts(context));
  const moved = { ...record, address };
  await writeRecord(folderOf(context, record.providerId), moved);
  return moved;
}

async function takenHosts(context: QemuContext): Promise<Set<string>> {
  const names = await folderNames(context);
  const records = await Promise.all(names.map((name) => readRecord(folderOf(context, name))));
  return new Set(records.filter((record) => record !== undefined).map(({ address }) => address.host));
}
