import type { Problem } from "../domain/errors.ts";
import { ConfigError } from "../domain/errors.ts";
import type { JobSpec } from "../domain/job.ts";
import { scriptCommandsOf } from "./script.ts";

const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const MAX_SCRIPT_BYTES = 16 * 1024 * 1024;

/** Checks what no type can hold. @throws ConfigError with every problem. */
export function validateJobSpec(spec: JobSpec): void {
  const problems = [...scriptProblems(spec), ...variableProblems("variables", spec.variables)];
  if (spec.name.trim() === "") {
    problems.push({ place: "name", message: "expected a job to have a name, got an empty one" });
  }
  if (spec.timeoutMs !== undefined && !(spec.timeoutMs > 0)) {
    problems.push({ place: "timeoutMs", message: `expected more than 0 ms, got ${spec.timeoutMs}` });
  }
  if (spec.image !== undefined && !isImageName(spec.image.name)) {
    problems.push({ place: "image", message: `expected the name of an image, got ${JSON.stringify(spec.image.name)}` });
  }
  spec.services.forEach((service, index) => {
    const place = `services[${index}]`;
    if (!isImageName(service.name)) {
      problems.push({ place, message: `expected the name of an image, got ${JSON.stringify(service.name)}` });
    }
    problems.push(...variableProblems(`${place}.variables`, service.variables));
  });
  if (problems.length > 0) {
    throw new ConfigError(problems, "job-invalid");
  }
}

function isImageName(name: string): boolean {
  return name !== "" && !/[\s\0]/.test(name);
}

function scriptProblems(spec: JobSpec): Problem[] {
  const problems: Problem[] = [];
  if (spec.scriptEncoding === "base64" && !spec.script.every(isBase64)) {
    problems.push({ place: "script", message: "expected commands in base64, got other text" });
    return problems;
  }
  const script = scriptCommandsOf(spec);
  const parts = { beforeScript: spec.beforeScript, script, afterScript: spec.afterScript };
  if (spec.script.length === 0 && spec.staged === undefined) {
    problems.push({ place: "script", message: "expected at least one command, got none" });
  }
  const own = [spec.beforeScript, spec.script, spec.afterScript].flat();
  if (own.length > 0 && spec.staged !== undefined) {
    problems.push({ place: "script", message: "expected a staged job to have no scripts of its own" });
  }
  for (const [place, commands] of Object.entries(parts)) {
    const index = commands.findIndex((command) => command.includes("\0"));
    if (index !== -1) {
      problems.push({ place: `${place}[${index}]`, message: "expected a command without NUL bytes, got one" });
    }
  }
  const bytes = byteLength(spec.beforeScript) + byteLength(script);
  if (bytes > MAX_SCRIPT_BYTES) {
    problems.push({ place: "script", message: `expected at most ${MAX_SCRIPT_BYTES} bytes, got ${bytes}` });
  }
  const afterBytes = byteLength(spec.afterScript);
  if (afterBytes > MAX_SCRIPT_BYTES) {
    problems.push({ place: "afterScript", message: `expected at most ${MAX_SCRIPT_BYTES} bytes, got ${afterBytes}` });
  }
  return problems;
}

/** Node's own decoder passes over what is not base64. */
const isBase64 = (text: string): boolean => Buffer.from(text, "base64").toString("base64") === text;

const byteLength = (commands: readonly (string | Buffer)[]): number =>
  commands.reduce((bytes, command) => bytes + Buffer.byteLength(command) + 1, 0);

/** A value may be a secret: no message shows one. */
function variableProblems(place: string, variables: Readonly<Record<string, string>>): Problem[] {
  return Object.entries(variables).flatMap(([name, value]) => {
    if (!VARIABLE_NAME.test(name)) {
      return [
        { place, message: `expected a variable's name to match [A-Za-z_][A-Za-z0-9_]*, got ${JSON.stringify(name)}` },
      ];
    }
    return value.includes("\0") ? [{ place: `${place}.${name}`, message: "expected a value without NUL bytes" }] : [];
  });
}
