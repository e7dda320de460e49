import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, mkdtempDisposable, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { serveMetrics } from "../../src/daemon/metrics/serve.ts";
import { pipelineHook } from "../support/gitlab/pipelineHooks.ts";
import { TwoStages } from "../support/gitlab/twoStages.ts";
import { jobSpec } from "../support/jobs.ts";
import { makeDaemonHome } from "../support/localDaemon.ts";
import { until } from "../support/until.ts";

const DASHBOARD = fileURLToPath(new URL("../../src/daemon/packaging/grafana.json", import.meta.url));
const WAIT_MS = 120_000;
const hasPrometheus = spawnSync("prometheus", ["--version"]).status === 0;
const signal = new AbortController().signal;

const HOOK_TOKEN = "a-secret-token-of-webhooks";

/** Has a daemon take GitLab's webhooks, of which one is sent. */
async function takeHooks(folder: string): Promise<{ readonly config: string; send(): Promise<number> }> {
  const [tokenFile, port] = [join(folder, "token"), await freePort()];
  await writeFile(tokenFile, `${HOOK_TOKEN}\n`, { mode: 0o600 });
  return {
    config: `[gitlab]\nlisten = "127.0.0.1:${port}"\nwebhook_token_file = "${tokenFile}"\n`,
    async send() {
      const { pipeline } = new TwoStages(1, Date.now()).become("running", "created", Date.now());
      const headers = { "x-gitlab-token": HOOK_TOKEN, "x-gitlab-event": "Pipeline Hook" };
      const body = JSON.stringify(pipelineHook(pipeline));
      return (await fetch(`http://127.0.0.1:${port}/gitlab`, { method: "POST", headers, body })).status;
    },
  };
}

/** A pool with all that there are metrics of. */
const AIMED = `
[[pool]]
name = "aimed"
max_machines = 3
[pool.target]
wait = "0s"
share = 0.9
[[pool.shadow]]
name = "one"
idle_count = 1
[pool.cost]
usd_per_hour = 0.1
`;

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}
interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: { readonly result: readonly unknown[] };
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Prometheus on loopback, scraping a port each second, until it is disposed of. */
async function startPrometheus(target: number): Promise<{ readonly url: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-prometheus-"));
  const port = await freePort();
  const config = `{ global: { scrape_interval: 1s }, scrape_configs: [{ job_name: mayfly, static_configs: [{ targets: ["127.0.0.1:${target}"] }] }] }`;
  await writeFile(join(folder, "prometheus.yml"), config);
  const args = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`];
  const child = spawn("prometheus", [...args, `--web.listen-address=127.0.0.1:${port}`], { stdio: "ignore" });
  const ended = once(child, "exit");
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

it.runIf(hasPrometheus)(
  "answers every query of the dashboard from a real scrape of a daemon that has run jobs",
  async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), "mayfly-hooks-"));
    const hooks = await takeHooks(folder.path);
    await using home = await makeDaemonHome(`${hooks.config}${AIMED}`);
    const { client } = await home.startReady();
    expect(await until("it hears of GitLab", WAIT_MS, () => hooks.send().catch(() => undefined))).toBe(200);
    const run = async (name: string): Promise<void> => {
      for (const poolName of ["small", "aimed"]) {
        const job = await client.submitJob(jobSpec({ name, poolName, script: ["true"] }));
        await client.awaitJob(job.id, WAIT_MS, signal);
      }
    };
    const metrics = async () => ({ type: "text/plain; version=0.0.4", text: await scrapeSocket(home.socketPath) });
    const served = await serveMetrics(metrics, { host: "127.0.0.1", port: 0 });
    try {
      await using prometheus = await startPrometheus(served.port);
      const { panels } = JSON.parse(await readFile(DASHBOARD, "utf8")) as Dashboard;
      const exprs = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
      expect(exprs.length).toBeGreaterThan(25);
      const ask = async (expr: string): Promise<Answer> => {
        const query = expr.replaceAll("$pool", ".*").replaceAll("$__rate_interval", "1m");
        const url = `${prometheus.url}/api/v1/query?query=${encodeURIComponent(query)}`;
        return (await (await fetch(url)).json()) as Answer;
      };
      const hasData = async (expr: string): Promise<boolean> => ((await ask(expr)).data?.result.length ?? 0) > 0;
      await until("the first scrape", WAIT_MS, () => hasData("mayfly_info").catch(() => undefined));
      await run("first");
      const lacking = new Set(exprs);

      await until("data for every query", WAIT_MS, async () => {
        await run("another");
        for (const expr of lacking) {
          const { status, error } = await ask(expr);
          expect(status, `${expr}: ${error}`).toBe("success");
          if (await hasData(expr)) lacking.delete(expr);
        }
        return lacking.size === 0;
      }).catch(() => undefined);

      expect([...lacking]).toEqual([]);
      expect((await ask("mayfly_nothing_of_ours")).data?.result).toEqual([]);
    } finally {
      await served.close();
    }
  },
);

/** What the daemon tells at its own socket. */
function scrapeSocket(socketPath: string): Promise<string> {
  const curl = spawn("curl", ["-sSf", "--unix-socket", socketPath, "http://mayfly/metrics"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  curl.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  return once(curl, "close").then(() => text);
}
