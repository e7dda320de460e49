import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createProgressDisplay } from "../src/commands/progress/display.ts";
import { readHostFacts } from "../src/host/facts.ts";
import { installMissing } from "../src/host/install.ts";
import { requirementsFor } from "../src/host/requirements.ts";
import { installMoto } from "./support/ec2/moto.ts";

// `npm test [TIER]…`: runs every tier that this host can run, installs what that needs, and names what it had to skip and why.

/** What tests call beside what the product calls. */
const TEST_REQUIREMENTS = [
  { program: "sshd", debianPackage: "openssh-server", purpose: "the real peer of the channel" },
  { program: "docker-registry", debianPackage: "docker-registry", purpose: "the registry that jobs pull from" },
  { program: "prometheus", debianPackage: "prometheus", purpose: "what the dashboard's queries are put to" },
  { program: "buildah", debianPackage: "buildah", purpose: "what the container file is built with, without an engine" },
  { program: "strace", debianPackage: "strace", purpose: "counts how often a commit waits for the disk" },
  { program: "curl", debianPackage: "curl", purpose: "what the README shows to other programs" },
];
const TIERS = ["unit", "simulation", "contract", "moto", "integration"] as const;
type Tier = (typeof TIERS)[number];

interface Tally {
  readonly tier: Tier;
  readonly passed: number;
  readonly failed: number;
  /** Titles of tests that did not run. */
  readonly skipped: readonly string[];
  readonly seconds: number;
  /** Why the whole tier did not run. */
  readonly skippedTier?: string;
}

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly success: boolean;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

const asked = process.argv.slice(2);
const unknown = asked.filter((tier) => !TIERS.includes(tier as Tier));
if (unknown.length > 0) {
  console.error(`There is no tier "${unknown.join(", ")}"; there are: ${TIERS.join(", ")}`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "mayfly-test-"));
const tallies: Tally[] = [];
try {
  const lacking = await prepareHost();
  for (const tier of TIERS.filter((name) => asked.length === 0 || asked.includes(name))) {
    const obstacle = await obstacleOf(tier, lacking);
    tallies.push(obstacle === undefined ? runTier(tier) : skipTier(tier, obstacle));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
printTallies();

/** Answers why a tier cannot run, if it cannot. Only the light ones can do without packages; contracts need an sshd. */
async function obstacleOf(tier: Tier, lacking: string | undefined): Promise<string | undefined> {
  if (tier === "unit" || tier === "simulation") return undefined;
  return tier === "moto" ? prepareMoto() : lacking;
}

/** Answers why there is no moto here, if there is none. */
async function prepareMoto(): Promise<string | undefined> {
  const display = createProgressDisplay(process.stderr, Date.now);
  const step = display.step("Installing moto, an EC2 emulator");
  try {
    await installMoto(AbortSignal.timeout(20 * 60_000));
    step.done();
    return undefined;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    step.fail(text);
    return text;
  } finally {
    display.close();
  }
}

/** Answers why this host cannot run real machines, if it cannot. */
async function prepareHost(): Promise<string | undefined> {
  const display = createProgressDisplay(process.stderr, Date.now);
  const step = display.step("Installing what real machines need");
  const facts = readHostFacts(process.env);
  try {
    await installMissing(
      facts,
      [...requirementsFor(facts), ...TEST_REQUIREMENTS],
      step,
      AbortSignal.timeout(20 * 60_000),
    );
    return undefined;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    step.fail(text);
    return text;
  } finally {
    display.close();
  }
}

function runTier(tier: Tier): Tally {
  const outputFile = join(folder, `${tier}.json`);
  const startedAt = performance.now();
  const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
  const config = fileURLToPath(new URL("vitest.config.ts", import.meta.url));
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile=${outputFile}`];
  const args = [vitest, "run", "--config", config, "--project", tier, "--passWithNoTests", ...reporters];
  spawnSync(process.execPath, args, { stdio: "inherit" });
  return tallyFrom(tier, outputFile, (performance.now() - startedAt) / 1000);
}

function tallyFrom(tier: Tier, outputFile: string, seconds: number): Tally {
  const report = JSON.parse(readFileSync(outputFile, "utf8")) as Report;
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  const skipped = tests.filter((t) => t.status !== "passed" && t.status !== "failed").map((t) => t.fullName);
  // A file that cannot even be loaded has no tests to fail: it counts as one.
  const broken = report.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.length === 0,
  ).length;
  const failed = report.numFailedTests + broken;
  return {
    tier,
    passed: report.numPassedTests,
    failed: report.success ? failed : Math.max(1, failed),
    skipped,
    seconds,
  };
}

function skipTier(tier: Tier, why: string): Tally {
  return { tier, passed: 0, failed: 0, skipped: [], seconds: 0, skippedTier: why };
}

function printTallies(): void {
  console.log("");
  for (const { tier, passed, failed, skipped, seconds, skippedTier } of tallies) {
    const counts = `${passed} passed, ${failed} failed, ${skipped.length} skipped in ${seconds.toFixed(0)} s`;
    console.log(`${tier.padEnd(12)} ${skippedTier === undefined ? counts : `skipped: ${skippedTier}`}`);
    for (const title of skipped) console.log(`  skipped: ${title}`);
  }
  const sum = (pick: (tally: Tally) => number): number => tallies.reduce((total, tally) => total + pick(tally), 0);
  const failed = sum((tally) => tally.failed);
  console.log(`${sum((tally) => tally.passed)} passed, ${failed} failed`);
  // Elsewhere a host that cannot run a tier is told so; the project's own check must run them all.
  // PyPI is nobody's duty to reach: what moto proves, the endpoint of our own proves with more faults.
  const isOwed = ({ tier, skippedTier }: Tally): boolean => skippedTier !== undefined && tier !== "moto";
  const isIncomplete = process.env["CI"] !== undefined && tallies.some(isOwed);
  process.exitCode = failed > 0 || isIncomplete ? 1 : 0;
}
