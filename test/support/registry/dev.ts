import { parseArgs } from "node:util";
import { MayflyError } from "../../../src/domain/errors.ts";
import { startRegistry } from "./start.ts";

// `npm run dev:registry [-- --port N]`: serves the stand-in images until SIGINT or SIGTERM.

const { values } = parseArgs({ options: { port: { type: "string", default: "5000" } } });
const interrupted = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => interrupted.abort());

try {
  const registry = await startRegistry(
    { port: Number(values.port), onProgress: (text) => console.error(text) },
    interrupted.signal,
  );
  console.log(`Serving on ${registry.url}; in a guest: registry_mirror = "${registry.guestUrl}". Ctrl-C ends it.`);
  interrupted.signal.addEventListener("abort", () => void registry.stop());
  if (interrupted.signal.aborted) await registry.stop();
  await registry.ended;
  if (!interrupted.signal.aborted) throw new Error("docker-registry ended by itself");
} catch (error) {
  if (!interrupted.signal.aborted) {
    console.error(error instanceof MayflyError ? error.message : error);
    process.exitCode = 3;
  }
}
