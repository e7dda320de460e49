#!/usr/bin/env node
import * as nodeModule from "node:module";
import { join } from "node:path";

// A runner starts this seven times a job: what was compiled once is kept, where nobody else can write.
const home = process.env["XDG_CACHE_HOME"] || (process.env["HOME"] && join(process.env["HOME"], ".cache"));
if (home) nodeModule.enableCompileCache?.(join(home, "mayfly", "compiled"));

// A reader that goes away ends nothing: what was begun is brought to its end.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

const { runDockerMachine } = await import("./run.ts");
const { env, stdin, stdout, stderr } = process;
process.exitCode = await runDockerMachine(process.argv.slice(2), { env, cwd: process.cwd(), stdin, stdout, stderr });
