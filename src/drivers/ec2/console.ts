import { NotFoundError } from "../../domain/errors.ts";
import type { Ec2Context } from "./context.ts";
import { idsFrom } from "./context.ts";

/** What the port hands on of a console. */
const MAX_CHARACTERS = 65_536;

/** Reads what EC2 has kept of an instance's console. It lags by minutes, and is the same however often it is read. */
export async function readConsole(context: Ec2Context, providerId: string, signal: AbortSignal): Promise<string> {
  const ids = idsFrom(providerId);
  const site = [...context.sites.values()].find((one) => one.site.region === ids?.region);
  if (ids === undefined || site === undefined) throw new NotFoundError("no-console", `${providerId} has no console`);
  const { Output = "" } = await site.call("GetConsoleOutput", { InstanceId: ids.instanceId, Latest: true }, signal);
  return Buffer.from(Output, "base64").toString("utf8").slice(-MAX_CHARACTERS);
}
