import { leaseIdFrom } from "../../src/domain/ids.ts";
import { openStore } from "../../src/store/open.ts";
import { silentLogger } from "./jobs.ts";
import { endedJob, endedLease } from "./records.ts";

// A process that commits to the store of argv[2] in batches of argv[3], argv[4] batches or for ever, from number argv[5] on, and
// prints each number once durable.

const [stateDir = "", batchSize = "1", batches = "Infinity", start = "0"] = process.argv.slice(2);
const clock = { now: () => 10_000, monotonic: () => 0, sleep: () => Promise.resolve() };
const retention = { maxRecords: batches === "Infinity" ? 1_000_000 : 100, maxAgeMs: 3_600_000 };
const store = await openStore(stateDir, { clock, logger: silentLogger, retention });
console.log("open");

const commit = async (count: number): Promise<void> => {
  const leaseId = leaseIdFrom(`l-${count}`);
  await store.commit([
    { kind: "lease", lease: endedLease(leaseId) },
    { kind: "job", job: endedJob(`j-${count}`) },
    { kind: "event", event: { at: count, leaseId, what: "lease ended", detail: "in a test" } },
  ]);
};

for (let batch = 0; batch < Number(batches); batch += 1) {
  const first = Number(start) + batch * Number(batchSize);
  const numbers = Array.from({ length: Number(batchSize) }, (_, index) => first + index);
  await Promise.all(numbers.map(commit));
  globalThis.gc?.();
  console.log(`${first + numbers.length} ${process.memoryUsage().heapUsed}`);
}
await store.close();
