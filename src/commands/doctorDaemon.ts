import type { EpochMs } from "../domain/ids.ts";
import type { Check } from "../host/check.ts";
import type { Health, PoolHealth } from "../ports/health.ts";
import { checkGitlab } from "./doctorGitlab.ts";
import { shownDuration } from "./shown.ts";

/** What a running daemon says of itself, as checks: itself, its file, its store, each of its pools. */
export function checksFromHealth(health: Health, now: EpochMs): readonly Check[] {
  return [
    checkProcess(health),
    checkFile(health, now),
    checkStore(health, now),
    ...checkMirror(health, now),
    ...checkGitlab(health, now),
    ...health.pools.flatMap((pool) => [checkPool(pool, now), ...checkPreload(pool, now)]),
  ];
}

function checkProcess({ pid, version, status }: Health): Check {
  const detail = `runs as process ${pid}, version ${version}`;
  if (status !== "stopping") return { name: "daemon", status: "ok", detail };
  const fix = `let it end, or hurry it with \`kill ${pid}\`; start it again with \`mayfly daemon\``;
  return { name: "daemon", status: "warn", detail: `${detail}; it is stopping and takes no more jobs`, fix };
}

function checkFile({ configProblem }: Health, now: EpochMs): Check {
  const name = "daemon's config";
  if (configProblem === undefined) return { name, status: "ok", detail: "is what its file says" };
  const { text, since } = configProblem;
  const detail = `its file is not applied for ${shownDuration(now - since)}, what was in force before stays so: ${text}`;
  return {
    name,
    status: "fail",
    detail,
    fix: "mend the file, see `mayfly config check`; the daemon reads it by itself",
  };
}

function checkStore({ storeProblem }: Health, now: EpochMs): Check {
  if (storeProblem === undefined) return { name: "store", status: "ok", detail: "can be written" };
  const { text, since } = storeProblem;
  const detail = `cannot be written for ${shownDuration(now - since)}, nothing new is begun: ${text}`;
  return {
    name: "store",
    status: "fail",
    detail,
    fix: "make room or mend the disk; the daemon goes on by itself then",
  };
}

function checkMirror({ mirror }: Health, now: EpochMs): readonly Check[] {
  if (mirror === undefined) return [];
  const { listen, upstream, isServing, problem } = mirror;
  const name = "daemon's mirror";
  const detail = `of ${upstream} serves on ${listen}`;
  if (problem === undefined) return [{ name, status: "ok", detail }];
  const what = isServing ? detail : `of ${upstream} does not serve on ${listen}, machines pull from there`;
  const fix = "the daemon tries again by itself; its log says more";
  return [{ name, status: "warn", detail: `${what}, for ${shownDuration(now - problem.since)}: ${problem.text}`, fix }];
}

const checkPreload = ({ name, preloadProblems = [] }: PoolHealth, now: EpochMs): readonly Check[] =>
  preloadProblems.map(({ image, text, since, retryAt }) => ({
    name: `preload of ${name}`,
    status: "warn",
    detail: `${image} cannot be fetched for ${shownDuration(now - since)}, tried again in ${shownDuration(retryAt - now)}: ${text}`,
    fix: `mend its name in \`preload\`, or what keeps machines from its registry`,
  }));

function checkPool(
  { name, mode, steeredBy, launchProblem, refusals, launchesPausedUntil }: PoolHealth,
  now: EpochMs,
): Check {
  const check = { name: `pool ${name}`, status: "warn" } as const;
  if (launchProblem !== undefined) {
    const pauseMs = (launchesPausedUntil ?? 0) - now;
    const next = pauseMs > 0 ? `tried again in ${shownDuration(pauseMs)}` : "tried again now";
    const times = refusals > 1 ? `${refusals} times in a row` : "once";
    return {
      ...check,
      detail: `a launch was refused ${times}, ${next}: ${launchProblem}`,
      fix: `mayfly pool show ${name}`,
    };
  }
  if (mode === "open" || steeredBy === "stop") return { ...check, status: "ok", detail: mode };
  const words = steeredBy === "all" ? ["with all pools", "--all"] : ["by itself", name];
  return { ...check, detail: `${mode} by an operator, ${words[0]}`, fix: `mayfly pool resume ${words[1]}` };
}
