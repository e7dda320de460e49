import { expect, it } from "vitest";
import type { JobReport, PipelineReport } from "../../../src/ci/report.ts";
import { reportTable } from "../../../src/commands/ciReport.ts";

const job = (name: string, costUsd?: number): JobReport => ({
  ...{ name, stage: "test", machineId: `m-${name}`, poolName: "small", exitCode: 0, result: "success" },
  ...{ allowFailure: false, phasesMs: { script: 3000 }, costUsd },
});
const report = (...jobs: JobReport[]): PipelineReport => ({ result: "success", jobs });

it("shows what each job's machine cost, and says where that is not known", async () => {
  const lines = (await reportTable(report(job("a", 0.0034), job("b", 1.5), job("c")))).split("\n");

  expect(lines[0]).toMatch(/ released +cost$/);
  expect(lines.slice(1).map((line) => line.split(/ +/).at(-1))).toEqual(["$0.0034", "$1.50", "-"]);
});

it("says nothing of costs where all machines are free", async () => {
  expect(await reportTable(report(job("a", 0), job("b")))).not.toContain("cost");
});
