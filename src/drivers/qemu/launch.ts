import { CapacityError, TransientError } from "../../domain/errors.ts";
import type { QemuShape } from "../../domain/shape.ts";
import type { Instance, LaunchSpec } from "../../ports/driver.ts";
import { admit, moveAddress } from "./admit.ts";
import { argumentsFrom } from "./command.ts";
import type { QemuContext } from "./context.ts";
import { createDisk, writeSeed } from "./disk.ts";
import { AddressTakenError, errorFrom } from "./errors.ts";
import type { InstanceRecord } from "./folder.ts";
import { eraseFolder, folderOf, providerIdFrom, readRecord, writeRecord } from "./folder.ts";
import { canWake } from "./golden/wake.ts";
import { findImage } from "./image/find.ts";
import { instanceFrom } from "./list.ts";
import type { AcceleratorName, BootImage } from "./options.ts";
import { findProcesses, killProcess } from "./processes.ts";
import { createRestoredDisks, restoreCommandFrom, wake } from "./restore.ts";
import type { Restoring } from "./restore.ts";
import { startQemu } from "./start.ts";

/** How often another address is tried when somebody was faster to take the one that was free. */
const ADDRESS_TRIES = 5;

/** Launches one instance, or answers the one that this token has launched before. One launch of a token at a time. */
export async function launchInstance(
  context: QemuContext,
  spec: LaunchSpec,
  token: string,
  signal: AbortSignal,
): Promise<Instance> {
  const { shape } = spec;
  if (shape.driver !== "qemu") throw new Error(`the qemu driver got a machine of driver "${shape.driver}"`);
  const providerId = providerIdFrom(context.options.owner, token);
  for (let other = context.launching.get(providerId); other; other = context.launching.get(providerId))
    await other.ended;
  const controller = new AbortController();
  const ended = Promise.withResolvers<void>();
  context.launching.set(providerId, { controller, ended: ended.promise });
  try {
    return await launchOnce(context, spec, shape, token, AbortSignal.any([signal, controller.signal]));
  } finally {
    context.launching.delete(providerId);
    ended.resolve();
  }
}

async function launchOnce(
  context: QemuContext,
  spec: LaunchSpec,
  shape: QemuShape,
  token: string,
  signal: AbortSignal,
): Promise<Instance> {
  const { options, deps } = context;
  signal.throwIfAborted();
  const providerId = providerIdFrom(options.owner, token);
  if (context.ending.has(providerId))
    throw new TransientError("instance-ending", `the instance of this launch, ${providerId}, is being terminated`);
  const known = await readRecord(folderOf(context, providerId));
  // One that was cut short half way through its restoration is nobody yet: it begins anew.
  if (known?.origin === "restoring") await removeTraces(context, providerId);
  else if (known !== undefined) {
    const isRunning = (await findProcesses(context.root)).has(folderOf(context, providerId));
    return instanceFrom(known, isRunning ? "running" : "stopped");
  }

  const image = await (deps.findImage ?? findImage)(options.imagesDir, shape.image);
  const accelerator = await deps.chooseAccelerator(signal);
  const restoring = await findGolden(context, spec, shape, image, accelerator, signal);
  if (restoring !== undefined) {
    try {
      return await launchFrom(context, spec, shape, token, image, accelerator, restoring, signal);
    } catch (error) {
      signal.throwIfAborted();
      // It is the host that has no room; a boot needs as much.
      if (error instanceof CapacityError) throw error;
      deps.logger.warn({ machineId: spec.machineId, err: error }, "could not restore a machine, boots it");
      await context.golden.giveUp(restoring.state);
    }
  }
  return launchFrom(context, spec, shape, token, image, accelerator, undefined, signal);
}

/** Answers what the machine can be restored from; undefined when it is to boot. */
async function findGolden(
  context: QemuContext,
  { seed, machineId }: LaunchSpec,
  shape: QemuShape,
  image: BootImage,
  accelerator: AcceleratorName,
  signal: AbortSignal,
): Promise<Restoring | undefined> {
  if (shape.restore === false || seed.restore === undefined || !canWake(seed.restore.identity)) return undefined;
  const { template, preload, identity } = seed.restore;
  try {
    const facts = { image, shape, accelerator, template, preload, qemuVersion: await context.qemuVersion(signal) };
    const found = await context.golden.find(facts, signal);
    return found && { ...found, identity };
  } catch (err) {
    signal.throwIfAborted();
    context.deps.logger.warn({ machineId, err }, "could not look for a golden state, boots the machine");
    return undefined;
  }
}

/** One try, from the admission to a machine that runs; leaves nothing when it fails. */
async function launchFrom(
  context: QemuContext,
  spec: LaunchSpec,
  shape: QemuShape,
  token: string,
  image: BootImage,
  accelerator: AcceleratorName,
  restoring: Restoring | undefined,
  signal: AbortSignal,
): Promise<Instance> {
  const providerId = providerIdFrom(context.options.owner, token);
  const folder = folderOf(context, providerId);
  try {
    const origin = restoring === undefined ? "booted" : "restoring";
    const record = await context.admit(() => admit(context, spec, shape, token, image, origin));
    const begin = async (): Promise<InstanceRecord> => {
      if (restoring === undefined) await createDisk(folder, image, shape, signal);
      else await createRestoredDisks(folder, restoring, shape, signal);
      // The seed of a machine that is restored is on its wake disk, once that is read; the device is there all the same.
      await writeSeed(folder, restoring === undefined ? spec.seed : restoring.facts.template);
      return start(context, record, { shape, image, accelerator, restoring }, signal);
    };
    const started = restoring === undefined ? begin() : context.restorations.pass(begin, signal);
    return instanceFrom(await started, "running");
  } catch (error) {
    await removeTraces(context, providerId);
    // Whatever broke first when it was cut short, the reason is the caller's.
    signal.throwIfAborted();
    throw errorFrom(error);
  }
}

interface StartFacts {
  readonly shape: QemuShape;
  readonly image: BootImage;
  readonly accelerator: AcceleratorName;
  readonly restoring: Restoring | undefined;
}

/** Starts QEMU, on another address when the chosen one was taken in the meantime. */
async function start(
  context: QemuContext,
  record: InstanceRecord,
  facts: StartFacts,
  signal: AbortSignal,
  triesLeft = ADDRESS_TRIES,
): Promise<InstanceRecord> {
  const { providerId, address } = record;
  const { restoring, ...rest } = facts;
  const folder = folderOf(context, providerId);
  const { argv, options } =
    restoring === undefined
      ? { argv: argumentsFrom({ folder, providerId, address, ...rest }), options: {} }
      : restoreCommandFrom(folder, record, restoring);
  context.deps.logger.debug({ providerId, address, argv }, "starting qemu");
  try {
    const connection = await startQemu(folder, argv, context.deps.clock, signal, options);
    if (restoring !== undefined) await wake(context, record, restoring, connection, signal);
    const process = (await findProcesses(context.root)).get(folder);
    if (process === undefined)
      throw new TransientError("instance-ended", `ended right after its start: ${await connection.ended}`);
    const started = restoring === undefined ? record : { ...record, origin: "restored" as const };
    if (started !== record) await writeRecord(folder, started);
    context.watcher.attach(providerId, folder, process, connection);
    return started;
  } catch (error) {
    if (!(error instanceof AddressTakenError) || triesLeft === 0) throw error;
    const moved = await context.admit(() => moveAddress(context, record));
    return start(context, moved, facts, signal, triesLeft - 1);
  }
}

/** A failed launch leaves nothing, not even when its caller has gone away: so this has no signal. */
async function removeTraces(context: QemuContext, providerId: string): Promise<void> {
  const folder = folderOf(context, providerId);
  const process = (await findProcesses(context.root)).get(folder);
  await context.watcher.detach(providerId);
  if (process !== undefined) await killProcess(process, context.deps.clock, new AbortController().signal);
  await eraseFolder(folder);
}
