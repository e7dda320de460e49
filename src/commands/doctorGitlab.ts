import type { EpochMs } from "../domain/ids.ts";
import type { Check } from "../host/check.ts";
import type { GitlabHealth, Health } from "../ports/manager.ts";
import { shownDuration } from "./shown.ts";

/** What a running daemon says of the ways on which it hears of GitLab; nothing where it has none. */
export function checkGitlab({ gitlab }: Health, now: EpochMs): readonly Check[] {
  return gitlab?.webhooks === undefined ? [] : [checkWebhooks(gitlab.webhooks, gitlab, now)];
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
  `${jobsToCome} jobs of ${pipelines} pipelines are to come, of ${knownNames} names it is known how long they take and where`;
