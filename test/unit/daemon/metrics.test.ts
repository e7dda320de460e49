import { expect, it } from "vitest";
import { createDriverMeter } from "../../support/metrics.ts";
import { createLiveConfig } from "../../../src/daemon/liveConfig.ts";
import { serveMetrics } from "../../../src/daemon/metrics/serve.ts";
import { CapacityError, TransientError } from "../../../src/domain/errors.ts";
import { composeForTest, simulatedConfig } from "../../support/composed.ts";
import { seriesOf } from "../../support/metrics.ts";
import { pool } from "../../support/pools.ts";

const lease = { poolName: "small", holder: "test", ttlMs: 3_600_000 };

it("shows machines by pool and state, the queue, decisions by reason, phases and calls", async () => {
  const config = simulatedConfig({
    pools: [pool({ idleCount: 1, maxMachines: 3, cost: { usdPerHour: 0.1 } }), pool({ name: "other" })],
  });
  const { running, clock } = await composeForTest(config);
  await clock.advance(60_000);
  const first = await running.manager.acquireLease(lease);
  const second = await running.manager.acquireLease(lease);
  const third = await running.manager.acquireLease(lease);
  const fourth = await running.manager.acquireLease(lease);
  await clock.advance(120_000);
  const busy = (await running.metrics()).text;
  await running.manager.releaseLease(first.lease.id);
  await running.manager.releaseLease(second.lease.id);
  await running.manager.releaseLease(third.lease.id);
  await running.manager.releaseLease(fourth.lease.id);
  await clock.advance(120_000);

  const { text, type } = await running.metrics();

  expect(type).toContain("text/plain");
  const at = seriesOf(busy);
  expect(at('mayfly_machines{pool="small",state="leased"}')).toBe(3);
  expect(at('mayfly_machines{pool="other",state="idle"}')).toBe(1);
  expect(at('mayfly_queue_length{pool="small"}')).toBe(1);
  expect(at('mayfly_queue_age_seconds{pool="small"}')).toBe(120);
  expect(at('mayfly_idle_wanted{pool="small"}')).toBe(1);
  expect(at('mayfly_machine_cost_usd_per_hour{pool="small"}')).toBeCloseTo(0.3);
  const later = seriesOf(text);
  expect(later('mayfly_decisions_total{pool="small",action="launch",reason="idle"}')).toBeGreaterThan(0);
  expect(later('mayfly_decisions_total{pool="small",action="launch",reason="waiting"}')).toBeGreaterThan(0);
  expect(later('mayfly_decisions_total{pool="small",action="terminate",reason="lease-released"}')).toBe(3);
  expect(later('mayfly_leases_total{pool="small",outcome="released"}')).toBe(4);
  expect(later('mayfly_lease_wait_seconds_count{pool="small"}')).toBe(3);
  expect(later('mayfly_machine_phase_seconds_count{pool="small",phase="boot"}')).toBeGreaterThan(1);
  expect(later('mayfly_machine_phase_seconds_bucket{le="0.001",pool="small",phase="end"}')).toBeDefined();
  expect(later('mayfly_provider_calls_total{driver="simulated",action="launch",outcome="ok"}')).toBeGreaterThan(2);
  expect(later('mayfly_machine_cost_usd_total{pool="small"}')).toBeGreaterThan(0);
  expect(later("mayfly_config_valid")).toBe(1);
  expect(text).not.toContain("gitlab_runner_");
  await running.close(AbortSignal.abort());
});

it("shows what a target promises and attains, its forecast beside what came, and what shadows would have done", async () => {
  const aimed = pool({
    ...{ maxMachines: 6, idleCount: 0, cost: { usdPerHour: 0.1 }, target: { waitMs: 1_000, share: 0.9 } },
    shadows: [{ name: "none", maxMachines: 6, maxGrowthRate: 2, idleCount: 0, idleTimeMs: 0 }],
  });
  const { running, clock } = await composeForTest(simulatedConfig({ pools: [aimed] }));
  await clock.advance(120_000);
  for (let n = 0; n < 5; n += 1) await running.manager.acquireLease(lease);
  await clock.advance(300_000);

  const at = seriesOf((await running.metrics()).text);

  expect(at('mayfly_arrivals_total{pool="small"}')).toBe(5);
  expect(at('mayfly_target_promised_share{pool="small"}')).toBe(0.9);
  expect(at('mayfly_target_wait_seconds{pool="small"}')).toBe(1);
  const [inTime = 0, late = 0] = ["in-time", "late"].map((outcome) =>
    at(`mayfly_target_jobs_total{pool="small",outcome="${outcome}"}`),
  );
  expect([inTime > 0, late > 0, inTime + late]).toEqual([true, true, 5]);
  expect(at('mayfly_target_price_factor{pool="small"}')).toBeCloseTo(1, 1);
  expect(at('mayfly_forecast_jobs_per_hour{pool="small"}')).toBeGreaterThan(0);
  expect(at('mayfly_shadow_up{pool="small",shadow="none"}')).toBe(1);
  expect(at('mayfly_shadow_level{pool="small",shadow="none"}')).toBe(0);
  expect(at('mayfly_shadow_share_in_time{pool="small",shadow="none",policy="acting"}')).toBe(inTime / 5);
  expect(at('mayfly_shadow_share_in_time{pool="small",shadow="none",policy="shadow"}')).toBeLessThan(inTime / 5);
  expect(at('mayfly_shadow_spared_wait_seconds{pool="small",shadow="none",effect="added"}')).toBeGreaterThan(0);
  const costOf = (policy: string) => at(`mayfly_shadow_cost_usd{pool="small",shadow="none",policy="${policy}"}`) ?? 0;
  expect(costOf("shadow")).toBeGreaterThan(0);
  expect(costOf("shadow")).toBeLessThan(costOf("acting"));
  await running.close(AbortSignal.abort());
});

it("shows gitlab-runner's families where they are asked for", async () => {
  const { running, clock } = await composeForTest(
    simulatedConfig({ metrics: { gitlabNames: true }, pools: [pool({ idleCount: 2 })] }),
  );
  await clock.advance(60_000);
  await running.manager.acquireLease(lease);
  await clock.advance(100);

  const at = seriesOf((await running.metrics()).text);

  expect(at('gitlab_runner_autoscaling_machine_states{executor="docker+machine",state="idle"}')).toBe(1);
  expect(at('gitlab_runner_autoscaling_machine_states{executor="docker+machine",state="used"}')).toBe(1);
  expect(at('gitlab_runner_autoscaling_actions_total{executor="docker+machine",action="created"}')).toBe(2);
  expect(at('gitlab_runner_autoscaling_actions_total{executor="docker+machine",action="used"}')).toBe(1);
  expect(at('gitlab_runner_autoscaling_machine_creation_duration_seconds_count{executor="docker+machine"}')).toBe(2);
  await running.close(AbortSignal.abort());
});

it("keeps no series of pools that are gone: edits of the file make never more of them", async () => {
  const config = simulatedConfig({ pools: [pool({ name: "first" })] });
  const live = createLiveConfig(config);
  const { running, clock } = await composeForTest(config, {}, { resumesJobs: true, live });
  const sizes: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const name = `pool-${round}`;
    live.replace({ config: { ...config, pools: [pool({ name })] }, entries: [] });
    await clock.advance(120_000);
    const { text } = await running.metrics();
    expect(text).toContain(`pool="${name}"`);
    if (round > 0) expect(text).not.toContain(`pool="pool-${round - 1}"`);
    // Node's own families grow with what the process has met.
    sizes.push(text.split("\n").filter((line) => line.startsWith("mayfly_")).length);
  }

  expect(sizes.at(-1)).toBe(sizes.at(-2));
  await running.close(AbortSignal.abort());
});

it.each([
  [undefined, "ok"],
  [new CapacityError("none", "no room"), "no-capacity"],
  [new TransientError("reset", "reset"), "transient"],
  [new Error("bug"), "failed"],
])("counts a call that ended with %s as %s", async (error, outcome) => {
  const { driver, scrape } = createDriverMeter(error);

  await driver.list(new AbortController().signal).catch(() => undefined);

  expect(
    seriesOf(await scrape())(`mayfly_provider_calls_total{driver="simulated",action="list",outcome="${outcome}"}`),
  ).toBe(1);
});

it("serves scrapers nothing but the metrics", async () => {
  const server = await serveMetrics(async () => ({ type: "text/plain", text: "a 1\n" }), {
    host: "127.0.0.1",
    port: 0,
  });
  const at = `http://127.0.0.1:${server.port}`;
  try {
    expect(await (await fetch(`${at}/metrics`)).text()).toBe("a 1\n");
    expect((await fetch(`${at}/v1/machines`)).status).toBe(404);
    expect((await fetch(`${at}/metrics`, { method: "POST" })).status).toBe(404);
  } finally {
    await server.close();
  }
});
