import { readTrace } from "../../src/traces/read.ts";

// `node traceInChild.ts FILE`: reads a trace in a process of its own, and prints what it found and the most memory it took.

const options = { defaultDurationMs: 60_000, onFraction: () => undefined };
const { arrivals } = await readTrace(process.argv[2] ?? "", options, new AbortController().signal);
const peakBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(JSON.stringify({ jobs: arrivals.readyAt.length, lastAt: arrivals.readyAt.at(-1), peakBytes }));
