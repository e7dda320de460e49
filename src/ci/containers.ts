import type { PullPolicy } from "../domain/job.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { fieldOf, readText, readTexts, readWord, refuse, refuseUnknownKeys } from "./fields.ts";
import type { Field } from "./fields.ts";
import type { ImageText, ServiceText } from "./model.ts";
import { readVariables } from "./variables.ts";
import type { YamlMap } from "./yaml.ts";

const PULL_POLICIES = ["always", "if-not-present", "never"] as const;
const IMAGE_KEYS = ["name", "entrypoint", "pull_policy", "docker", "ports", "kubernetes"];
const SERVICE_KEYS = [...IMAGE_KEYS, "alias", "command", "variables"];

/** Reads `image`: a name, or a mapping. */
export function readImage(field: Field, diagnostics: Diagnostics): ImageText | undefined {
  if (field.value.kind === "scalar") {
    const name = readText(field, diagnostics);
    return name === undefined ? undefined : { name };
  }
  if (field.value.kind !== "map") return refuse(field, "an image's name or a mapping", diagnostics);
  refuseUnknownKeys(field.value, field.name, IMAGE_KEYS, diagnostics);
  return readContainer(field, field.value, diagnostics);
}

/** Reads `services`: a list of names and mappings. */
export function readServices(field: Field, diagnostics: Diagnostics): ServiceText[] | undefined {
  if (field.value.kind !== "list") return refuse(field, "a list of services", diagnostics);
  return field.value.items.flatMap((value, index) => {
    const service = readService({ name: `${field.name}[${index}]`, line: value.line, value }, diagnostics);
    return service === undefined ? [] : [service];
  });
}

function readService(field: Field, diagnostics: Diagnostics): ServiceText | undefined {
  if (field.value.kind === "scalar") {
    const name = readText(field, diagnostics);
    return name === undefined ? undefined : { name, aliases: [], variables: {} };
  }
  if (field.value.kind !== "map") return refuse(field, "an image's name or a mapping", diagnostics);
  refuseUnknownKeys(field.value, field.name, SERVICE_KEYS, diagnostics);
  const container = readContainer(field, field.value, diagnostics);
  const alias = fieldOf(field.value, field.name, "alias");
  const command = fieldOf(field.value, field.name, "command");
  const variables = fieldOf(field.value, field.name, "variables");
  if (container === undefined) return undefined;
  const { user, ...rest } = container;
  if (user !== undefined) diagnostics.warn(field.line, "`docker.user` of a service is not honoured");
  return {
    ...rest,
    // One alias, or several parted by spaces or commas. Source: https://docs.gitlab.com/ci/services/#available-settings-for-services
    aliases: (alias === undefined ? "" : (readText(alias, diagnostics) ?? ""))
      .split(/[\s,]+/)
      .filter((name) => name !== ""),
    command: command && readTexts(command, diagnostics),
    variables: variables === undefined ? {} : readVariables(variables, diagnostics),
  };
}

/** What images and services have in common. */
function readContainer(field: Field, map: YamlMap, diagnostics: Diagnostics): ImageText | undefined {
  const name = fieldOf(map, field.name, "name");
  const entrypoint = fieldOf(map, field.name, "entrypoint");
  const pullPolicy = fieldOf(map, field.name, "pull_policy");
  for (const key of ["ports", "kubernetes"]) {
    const unhonoured = fieldOf(map, field.name, key);
    if (unhonoured !== undefined) diagnostics.warn(unhonoured.line, `\`${key}\` of an image is not honoured`);
  }
  if (name === undefined) return refuse(field, "a mapping with `name`", diagnostics);
  const text = readText(name, diagnostics);
  if (text === undefined) return undefined;
  return {
    name: text,
    entrypoint: entrypoint && readTexts(entrypoint, diagnostics),
    user: readUser(map, field, diagnostics),
    pullPolicy: pullPolicy && readPullPolicies(pullPolicy, diagnostics),
  };
}

function readUser(map: YamlMap, field: Field, diagnostics: Diagnostics): string | undefined {
  const docker = fieldOf(map, field.name, "docker");
  if (docker === undefined) return undefined;
  if (docker.value.kind !== "map") return refuse(docker, "a mapping", diagnostics);
  refuseUnknownKeys(docker.value, docker.name, ["user", "platform"], diagnostics);
  const platform = fieldOf(docker.value, docker.name, "platform");
  if (platform !== undefined) {
    diagnostics.warn(platform.line, "`docker.platform` is not honoured: the machine's own platform is used");
  }
  const user = fieldOf(docker.value, docker.name, "user");
  if (user?.value.kind === "scalar" && typeof user.value.value === "number") return user.value.text;
  return user && readText(user, diagnostics);
}

function readPullPolicies(field: Field, diagnostics: Diagnostics): PullPolicy[] | undefined {
  const items = field.value.kind === "list" ? field.value.items : [field.value];
  if (items.length === 0) return refuse(field, "a pull policy or a list of them", diagnostics);
  return items.flatMap((value) => readWord({ ...field, value }, PULL_POLICIES, diagnostics) ?? []);
}
