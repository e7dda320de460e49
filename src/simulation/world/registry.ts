import { JobError } from "../../domain/errors.ts";
import type { Engine } from "../../ports/engine.ts";
import { drawFor } from "../draw.ts";
import type { ManagerProcess } from "./process.ts";
import type { World } from "./world.ts";

/** The least and the most that a look at a machine's images takes, in milliseconds. */
const LOOK_MS = [5, 200] as const;

/** Gives a machine's engine the registry of the day: what it fetches takes its time, and fails now and then. */
export type WithRegistry = (engine: Engine, host: string, process: ManagerProcess) => Engine;

/** Opens the registry of a world's day; engines stay as they are on a day without one. */
export function openRegistry({ clock, day, provider, tell }: World): WithRegistry {
  const { registry } = day;
  if (registry === undefined) return (engine) => engine;
  // Its own draw: all else goes as it would without images.
  const draw = drawFor(day.seed, "registry");
  const { pullMs, failedShare, missing } = registry;

  return (engine, host, process) => ({
    ...engine,
    inspectImage: (image, signal) =>
      process.call("engine.inspectImage", async () => {
        await clock.sleep(draw.between(...LOOK_MS), signal);
        return engine.inspectImage(image, signal);
      }),
    pull: (image, auth, onProgress, signal) =>
      process.call("engine.pull", async () => {
        signal.throwIfAborted();
        const [takesMs, fails] = [draw.between(...pullMs), draw.chance(failedShare)];
        const machineId = provider.runningAt(host)?.machineId;
        if (machineId !== undefined) tell({ what: "fetch-began", machineId, image, signal });
        try {
          await clock.sleep(takesMs, signal);
          await engine.ping(signal);
          if (fails || missing.includes(image))
            throw new JobError("image-pull-failed", `cannot pull image "${image}": the registry does not have it`);
          await engine.pull(image, auth, onProgress, signal);
        } finally {
          if (machineId !== undefined) tell({ what: "fetch-ended", machineId, signal });
        }
      }),
  });
}
