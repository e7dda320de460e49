#!/usr/bin/env node
import { keepCompiledCode } from "../compileCache.ts";
import { processStreams } from "../streams.ts";

const { env, argv } = process;

// A runner starts this seven times a job.
keepCompiledCode(env);

// A reader that goes away ends nothing: what was begun is brought to its end.
const { runDockerMachine } = await import("./run.ts");
process.exitCode = await runDockerMachine(argv.slice(2), { env, cwd: process.cwd(), io: processStreams });
