import { execFile } from "node:child_process";
import { realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Check } from "../host/check.ts";
import { isExecutable } from "../host/executable.ts";

/** How long a program may take to say what it is. */
const VERSION_MS = 10_000;
const NAME = "docker-machine";

/**
 * Says whether the `docker-machine` that a runner would find on its PATH is mayfly's. Nothing is said where there is none: only
 * the docker+machine executor has a use for it.
 */
export async function checkDockerMachine(env: NodeJS.ProcessEnv): Promise<readonly Check[]> {
  const path = (env["PATH"] ?? "")
    .split(delimiter)
    .filter((dir) => dir !== "")
    .map((dir) => join(dir, NAME))
    .find(isExecutable);
  if (path === undefined) return [];
  if (isThisOne(path)) return [{ name: NAME, status: "ok", detail: `${path} is mayfly's` }];
  const version = await versionOf(path, env);
  if (version.includes("mayfly")) {
    return [{ name: NAME, status: "ok", detail: `${path} is mayfly's, of another installation: ${version}` }];
  }
  const detail = `${path} is another program (${version || "it does not say which"}): a runner that finds it makes no machines of mayfly's`;
  return [{ name: NAME, status: "warn", detail, fix: "put mayfly's docker-machine before it on the runner's PATH" }];
}

/** Whether a path leads to the file beside this one, from sources or as built. */
function isThisOne(path: string): boolean {
  const main = fileURLToPath(new URL(`../fleet/docker-machine/main.js`, import.meta.url));
  const real = realpathSync(path);
  return real === main || real === main.replace(/\.js$/, ".ts");
}

async function versionOf(path: string, env: NodeJS.ProcessEnv): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(path, ["version"], { env, timeout: VERSION_MS });
    return stdout.trim().split("\n")[0] ?? "";
  } catch {
    return "";
  }
}
