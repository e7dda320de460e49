import type { Config } from "../config/config.ts";
import type { MirrorConfig } from "../config/mirror.ts";
import { blobsOf, bytesOf } from "../daemon/mirror/cache.ts";
import { findProgram } from "../daemon/mirror/child.ts";
import { cacheFolderOf } from "../daemon/mirror/mirror.ts";
import { readCredentials } from "../daemon/mirror/settings.ts";
import type { Check } from "../host/check.ts";
import { gib } from "../host/checkDisks.ts";
import type { HostFacts } from "../host/facts.ts";
import { installCommands } from "../host/requirements.ts";
import type { Requirement } from "../host/requirements.ts";

const REQUIREMENT: Requirement = {
  program: "docker-registry",
  debianPackage: "docker-registry",
  purpose: "is the registry mirror",
};

/** What a mirror of the configuration needs of this host, beside what machines do. */
export const mirrorRequirements = ({ mirror }: Config): readonly Requirement[] =>
  mirror === undefined || mirror.program !== undefined || findProgram() !== undefined ? [] : [REQUIREMENT];

/** Looks at what the mirror of the configuration needs and takes; nothing where there is none. */
export async function checkMirror(config: Config, facts: HostFacts): Promise<readonly Check[]> {
  const { mirror, stateDir, pools } = config;
  if (mirror === undefined) return [];
  const used = bytesOf(await blobsOf(cacheFolderOf(stateDir)));
  const cache = `${gib(used)} of at most ${gib(mirror.maxSizeMiB * 2 ** 20)} cached in ${cacheFolderOf(stateDir)}`;
  const left = pools.filter(({ shape, guest }) => shape.driver === "ec2" && guest.registryMirror === undefined);
  const names = left.map(({ name }) => name).join(", ");
  return [
    checkProgram(mirror, facts),
    { name: "mirror cache", status: "ok", detail: cache },
    ...(await checkCredentials(mirror)),
    ...(left.length === 0
      ? []
      : [
          {
            name: "mirror url",
            status: "warn" as const,
            detail: `machines of ${names} are on EC2 and are given no mirror`,
            fix: "set `url` in [mirror] to what they reach it by",
          },
        ]),
  ];
}

function checkProgram({ program }: MirrorConfig, { isDebianLike, isRoot }: HostFacts): Check {
  const found = findProgram(program);
  if (found !== undefined) return { name: "mirror", status: "ok", detail: `is ${found}` };
  const fix = isDebianLike && program === undefined ? installCommands([REQUIREMENT.debianPackage], isRoot) : undefined;
  return {
    name: "mirror",
    status: "warn",
    detail: `${program ?? "docker-registry"} is missing: machines pull from the upstream`,
    fix: fix?.join(" && ") ?? "set `program` in [mirror] to the path of a registry",
  };
}

async function checkCredentials({ credentialsFile }: MirrorConfig): Promise<readonly Check[]> {
  if (credentialsFile === undefined) return [];
  const name = "mirror credentials";
  try {
    await readCredentials(credentialsFile);
    return [{ name, status: "ok", detail: `are in ${credentialsFile}` }];
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return [{ name, status: "warn", detail, fix: `write USER:PASSWORD into ${credentialsFile}` }];
  }
}
