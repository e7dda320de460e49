#!/usr/bin/env node
import type { Streams } from "./call.ts";

const { env, argv } = process;

// A runner starts this seven times a job: what was compiled once is kept, where nobody else can write.
const cache = env["XDG_CACHE_HOME"] || (env["HOME"] && `${env["HOME"]}/.cache`);
if (cache) process.getBuiltinModule("node:module").enableCompileCache?.(`${cache}/mayfly/compiled`);

/** A reader that goes away ends nothing: what was begun is brought to its end. */
const heedless = (stream: NodeJS.WriteStream): NodeJS.WriteStream =>
  stream.listenerCount("error") > 0 ? stream : stream.on("error", () => undefined);

const io: Streams = {
  get stdin() {
    return process.stdin;
  },
  get stdout() {
    return heedless(process.stdout);
  },
  get stderr() {
    return heedless(process.stderr);
  },
};

const { runDockerMachine } = await import("./run.ts");
process.exitCode = await runDockerMachine(argv.slice(2), { env, cwd: process.cwd(), io });
