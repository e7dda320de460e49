import { checkActions } from "../drivers/ec2/check.ts";
import type { Ec2Deps } from "../drivers/ec2/options.ts";
import type { DesiredPool } from "../domain/pool.ts";
import type { Check } from "./check.ts";

/** A check is a few calls that are answered within a second each, and again when one is lost on the way. */
const DEADLINE_MS = 45_000;

/** Tries what a pool of EC2 machines needs of its account; none for other pools. Makes and ends nothing. */
export async function checkEc2(
  owner: string,
  { name, shape, stoppedCount = 0 }: DesiredPool,
  deps: Ec2Deps,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  if (shape.driver !== "ec2") return [];
  const late = AbortSignal.timeout(DEADLINE_MS);
  try {
    const checks = await checkActions(owner, shape, stoppedCount > 0, deps, AbortSignal.any([signal, late]));
    return checks.map(({ action, isAllowed, detail }) => ({
      name: `${name} ${action}`,
      status: isAllowed ? "ok" : "fail",
      detail,
    }));
  } catch (error) {
    signal.throwIfAborted();
    if (!late.aborted) throw error;
    const detail = `no answer from EC2 in ${shape.region} within ${DEADLINE_MS / 1000} s`;
    return [{ name: `${name} EC2`, status: "fail", detail, fix: "look at `region` and `endpoint` in [pool.ec2]" }];
  }
}
