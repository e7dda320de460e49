#!/usr/bin/env node
import { keepCompiledCode } from "./fleet/compileCache.ts";

// A runner starts this for every stage of a job.
keepCompiledCode(process.env);
const { runCommandLine } = await import("./commands/main.ts");
await runCommandLine();
