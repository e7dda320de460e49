import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { request } from "node:https";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { startShimHost } from "../../../support/shimHost.ts";
import { until } from "../../../support/until.ts";

/** What a runner puts before every call. */
const BUG = "--bugsnag-api-token=no-report";
const STORE_PATH = "{{.HostOptions.AuthOptions.StorePath}}";

/** Asks an engine as a docker client does: with the certificates of a directory and nothing else. */
async function askEngine(url: string, certPath: string, path: string): Promise<string> {
  const pem = (name: string): Buffer => readFileSync(join(certPath, name));
  const asked = request(`${url.replace("tcp:", "https:")}${path}`, {
    ...{ ca: pem("ca.pem"), cert: pem("cert.pem"), key: pem("key.pem"), agent: false },
  });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    asked.on("response", resolve);
    asked.on("error", reject);
  });
  asked.end();
  return text(await answer);
}

describe("a runner's calls, in its order", () => {
  it("give it a machine whose engine it speaks to over TLS, and take it away", async () => {
    await using host = await startShimHost();
    const name = "runner-abc-auto-1700000000-deadbeef";

    const created = await host.run([BUG, "create", "--driver", "mayfly", name]);

    expect(created).toMatchObject({ exitCode: 0, stderr: "" });
    expect(created.stdout).toContain("Docker is up and running!");
    const names = readdirSync(host.dir(name)).toSorted();
    expect(names).toEqual(["ca.pem", "cert.pem", "config.json", "key.pem"]);
    expect(statSync(host.dir(name)).mode & 0o777).toBe(0o700);
    expect(names.map((file) => statSync(join(host.dir(name), file)).mode & 0o777)).toEqual(names.map(() => 0o600));
    expect(readdirSync(join(host.storagePath, "machines"))).toEqual([name]);

    const config = await host.run([BUG, "config", name]);
    const url = (await host.run([BUG, "url", name])).stdout.trim();
    const certPath = (await host.run([BUG, "inspect", name, "-f", STORE_PATH])).stdout.trim();

    expect(config).toMatchObject({ exitCode: 0, stderr: "" });
    expect(config.stdout).toContain(`--tlsverify\n--tlscacert="${certPath}/ca.pem"`);
    expect(certPath).toBe(host.dir(name));
    expect(JSON.parse(await askEngine(url, certPath, "/version"))).toMatchObject({ Version: "20.10.24" });

    expect((await host.run([BUG, "inspect", name])).exitCode).toBe(0);
    expect((await host.run([BUG, "stop", name])).exitCode).toBe(0);
    expect(await host.run([BUG, "rm", "-y", name])).toMatchObject({ exitCode: 0, stderr: "" });

    expect(existsSync(host.dir(name))).toBe(false);
    expect(await host.openLeases()).toBe(0);
    await until("its machine is gone", 10_000, async () => host.provider.instances().length === 0);
    await expect(askEngine(url, certPath, "/version")).rejects.toThrow();
  });
});
