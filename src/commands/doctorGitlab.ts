import { readSecretFile } from "../api/secretFile.ts";
import type { SecretRules } from "../api/secretFile.ts";
import type { Config } from "../config/config.ts";
import { API_TOKEN_RULES } from "../daemon/gitlab/api/requests.ts";
import { HOOK_TOKEN_RULES } from "../daemon/gitlab/listener.ts";
import type { EpochMs } from "../domain/ids.ts";
import type { Check } from "../host/check.ts";
import type { GitlabHealth, Health } from "../ports/health.ts";
import { shownDuration } from "./shown.ts";

/** Looks at the files that the ways on which GitLab is heard of need; nothing where there are none. */
export async function checkGitlabFiles({ gitlab }: Config): Promise<readonly Check[]> {
  const checks = [
    checkSecret("GitLab's webhooks' token", gitlab?.webhooks?.tokenFile, HOOK_TOKEN_RULES),
    checkSecret("GitLab's API's token", gitlab?.api?.tokenFile, API_TOKEN_RULES),
  ];
  return (await Promise.all(checks)).flat();
}

async function checkSecret(name: string, file: string | undefined, rules: SecretRules): Promise<readonly Check[]> {
  if (file === undefined) return [];
  try {
    await readSecretFile(file, rules);
    return [{ name, status: "ok", detail: `is in ${file}` }];
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return [{ name, status: "warn", detail, fix: `write one word into ${file}, with mode 600: ${rules.example}` }];
  }
}

/** What a running daemon says of the ways on which it hears of GitLab; nothing where it has none. */
export function checkGitlab({ gitlab }: Health, now: EpochMs): readonly Check[] {
  if (gitlab === undefined) return [];
  const { webhooks, api } = gitlab;
  return [
    ...(webhooks === undefined ? [] : [checkWebhooks(webhooks, gitlab, now)]),
    ...(api === undefined ? [] : [checkApi(api, gitlab, now)]),
  ];
}

function checkApi(
  { url, projects, problem, isUp }: NonNullable<GitlabHealth["api"]>,
  gitlab: GitlabHealth,
  now: EpochMs,
): Check {
  const name = "GitLab's API";
  if (problem !== undefined) {
    const detail = `${url} does not say what it is asked for ${shownDuration(now - problem.since)}: ${problem.text}`;
    return {
      name,
      status: "warn",
      detail,
      fix: "mend it; the daemon asks again by itself, and does without meanwhile",
    };
  }
  if (!isUp) return { name, status: "ok", detail: `${url} is asked for the first time` };
  return { name, status: "ok", detail: `${url} tells of ${projects} projects; ${outlookOf(gitlab)}` };
}

function checkWebhooks(webhooks: NonNullable<GitlabHealth["webhooks"]>, gitlab: GitlabHealth, now: EpochMs): Check {
  const { listen, isUp, problem, taken, lastHeardAt, lastRefusal } = webhooks;
  const name = "GitLab's webhooks";
  if (!isUp) {
    const since = problem === undefined ? "" : ` for ${shownDuration(now - problem.since)}: ${problem.text}`;
    const fix = "mend it; the daemon tries again by itself, and does without them meanwhile";
    return { name, status: "warn", detail: `are not taken at ${listen}${since}`, fix };
  }
  if (lastRefusal !== undefined && lastRefusal.at > (lastHeardAt ?? 0)) {
    const detail = `are taken at ${listen}; the last, ${shownDuration(now - lastRefusal.at)} ago, was not: ${lastRefusal.text}`;
    return { name, status: "warn", detail, fix: "look at the webhook's recent events in GitLab" };
  }
  if (lastHeardAt === undefined) {
    const fix = `add a webhook for pipeline and job events in GitLab whose URL leads to ${listen}/gitlab`;
    return { name, status: "warn", detail: `are taken at ${listen}, and none has come yet`, fix };
  }
  const detail = `${taken} taken at ${listen}, the last ${shownDuration(now - lastHeardAt)} ago; ${outlookOf(gitlab)}`;
  return { name, status: "ok", detail };
}

const outlookOf = ({ jobsToCome, pipelines, knownNames }: GitlabHealth): string =>
  `${jobsToCome} jobs of ${pipelines} pipelines are to come, of ${knownNames} names it is known how long they take`;
