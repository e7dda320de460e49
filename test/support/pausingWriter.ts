import { setTimeout as pause } from "node:timers/promises";
import { leaseIdFrom } from "../../src/domain/ids.ts";
import { openStore } from "../../src/store/open.ts";
import { silentLogger } from "./jobs.ts";
import { endedLease } from "./records.ts";

// A process that commits to the store of argv[2] argv[3] times, with a pause after each, and prints `begin` before and `end` behind it.

const [stateDir = "", commits = "1"] = process.argv.slice(2);
const store = await openStore(stateDir, { clock: { now: () => 10_000 }, logger: silentLogger });
for (let count = 0; count < Number(commits); count += 1) {
  const leaseId = leaseIdFrom(`l-${count}`);
  process.stdout.write("begin\n");
  await store.commit([
    { kind: "lease", lease: endedLease(leaseId) },
    { kind: "event", event: { at: count, leaseId, what: "lease ended", detail: "in a test" } },
  ]);
  process.stdout.write("end\n");
  await pause(1);
}
await store.close();
