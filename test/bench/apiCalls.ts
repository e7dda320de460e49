import type { Progress } from "../../src/ports/progress.ts";
import { serveJobs } from "../support/ec2/serve.ts";
import type { Traffic } from "../support/ec2/serve.ts";
import { comparisonFrom } from "./turns.ts";
import type { Comparison } from "./turns.ts";

/** What a job may cost of the account's API, its share of the manager's looks at all machines included. */
const GOAL = 2;

const NEAR: Traffic = { jobs: 300, everyMs: 600, idleCount: 40 };
const FAR: Traffic = { jobs: 20, everyMs: 20_000, idleCount: 2 };

/** Counts EC2's API calls a job through a whole manager on a pretended clock: jobs that come seldom, and 100 of them a minute. */
export async function compareApiCalls(progress: Progress, signal: AbortSignal): Promise<Comparison> {
  const step = progress.step("Counting EC2's API calls");
  signal.throwIfAborted();
  // The clock is pretended, so another round would count the same.
  const pair = [await callsOf(FAR), await callsOf(NEAR)] as const;
  step.done();
  const names = ["3 jobs a minute", "100 jobs a minute"] as const;
  return { ...comparisonFrom("EC2 API calls a job", "calls", names, [pair]), goal: { of: "second", atMost: GOAL } };
}

const callsOf = async (traffic: Traffic): Promise<number> => (await serveJobs(traffic)).calls / traffic.jobs;
