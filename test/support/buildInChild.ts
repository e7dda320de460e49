import { systemClock as clock } from "../../src/daemon/clock.ts";
import { buildImage } from "../../src/drivers/qemu/image/build.ts";
import { recordProgress } from "./progress.ts";

/** Builds an image in the folder that the first argument names, in a process that a test can kill. Says when packages are unpacked. */
const progress = recordProgress((text) => {
  if (text.startsWith("unpacking")) process.stdout.write(`${text}\n`);
});
await buildImage(
  { imagesDir: process.argv[2] ?? "", recipe: { name: "debian-12", load: [] }, progress },
  { clock, env: process.env, isRoot: true, chooseAccelerator: async () => "tcg" },
  new AbortController().signal,
);
