import { spawnSync } from "node:child_process";
import type { SimulateConsole } from "./modes/console.ts";
import { simulateCrashes } from "./modes/crash.ts";
import { simulateDays } from "./modes/days.ts";
import { USAGE, optionsFrom } from "./modes/options.ts";
import type { SimulateOptions } from "./modes/options.ts";

// `npm run simulate -- …`: simulated days with all faults on, or a scripted scenario with the manager killed everywhere. Goes on
// after a broken promise, and exits with 1 when there was one.

let isInterrupted = false;
process.once("SIGINT", () => {
  isInterrupted = true;
});

const options = readOptions();
const host: SimulateConsole = {
  print: (line) => console.log(line),
  progress: (line) => console.error(line),
  now: () => performance.now(),
  isInterrupted: () => isInterrupted,
  commit: commitOf(),
};
process.exitCode = await (options.mode === "days" ? simulateDays(options, host) : simulateCrashes(options, host));

function readOptions(): SimulateOptions {
  try {
    return optionsFrom(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    console.error(USAGE);
    process.exit(2);
  }
}

/** The checked-out revision, with a mark when files differ from it. */
function commitOf(): string | undefined {
  const git = spawnSync("git", ["describe", "--always", "--dirty", "--abbrev=12"], {
    encoding: "utf8",
    timeout: 5_000,
  });
  return git.status === 0 ? git.stdout.trim() : undefined;
}
