import type { EpochMs } from "../domain/ids.ts";
import type { Check } from "../host/check.ts";
import type { GitlabHealth, Health } from "../ports/manager.ts";
import { shownDuration } from "./shown.ts";

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
