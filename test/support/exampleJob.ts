import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

/** The folder with copies of the example pipelines. */
export const EXAMPLES = fileURLToPath(new URL("examples", import.meta.url));

/**
 * What the examples are run with besides what they say: docker-compose gives an engine 60 s for an answer, and one within an engine
 * may take longer on an emulated processor of a busy host.
 */
export const PATIENCE: Readonly<Record<string, string>> = { COMPOSE_HTTP_TIMEOUT: "600" };

/** The one job of an example pipeline, as GitLab hands it to a runner. */
export interface ExampleJob {
  readonly image: string;
  readonly services: readonly string[];
  /** The name of the job, and of its project's folder. */
  readonly folder: string;
  /** before_script and script. */
  readonly script: readonly string[];
  readonly afterScript: readonly string[] | undefined;
}

interface JobText {
  readonly image: string;
  readonly services: readonly string[];
  readonly before_script?: readonly string[];
  readonly script: readonly string[];
  readonly after_script?: readonly string[];
}

/** Reads an example pipeline of one job. */
export async function exampleJob(file: string): Promise<ExampleJob> {
  const [found, ...others] = Object.entries(parse(await exampleFile(file)) as Record<string, JobText>);
  if (found === undefined || others.length > 0) throw new Error(`${file} has ${others.length + 1} jobs`);
  const [folder, { image, services, before_script: before = [], script, after_script: afterScript }] = found;
  return { image, services, folder, script: [...before, ...script], afterScript };
}

/** Reads a file of the examples. */
export const exampleFile = (name: string): Promise<string> => readFile(join(EXAMPLES, name), "utf8");
