import type { Channel } from "../../ports/channel.ts";
import { quoteForShell } from "../script.ts";
import { orAborted } from "../waits.ts";

/** A service whose ports may open. */
export interface ProbedService {
  readonly ipAddress: string;
  /** At least one; any of them that opens will do. */
  readonly ports: readonly number[];
  /** Resolves when it has ended, and no port of it will open any more. */
  readonly ended: Promise<unknown>;
}

/** Prints the index of each service as soon as one of its ports opens. One process for all services: an exec is dear. */
const PROBE = `
probe() {
  index=$1 address=$2
  shift 2
  while :; do
    for port; do
      (exec 3<>"/dev/tcp/$address/$port") 2>/dev/null && { echo "$index"; return; }
    done
    sleep 0.2
  done
}
for service; do probe $service & done
wait
`;

/** Waits, on the machine, until the services' ports open; answers which of them did, by index. @param timeoutMs whole seconds. */
export async function waitForPorts(
  channel: Channel,
  services: readonly ProbedService[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ReadonlySet<number>> {
  const words = services.map(({ ipAddress, ports }, index) => `${index} ${ipAddress} ${ports.join(" ")}`);
  const command = ["bash", "-c", PROBE, "mayfly", ...words].map(quoteForShell).join(" ");
  const process = await channel.exec(`exec timeout ${timeoutMs / 1_000} ${command}`, {}, signal);
  process.exited.catch(() => undefined);
  process.stderr.resume();
  const open = new Set<number>();
  const over = new Set<number>();
  const allSettled = Promise.withResolvers<void>();
  const settle = (index: number): void => {
    over.add(index);
    if (over.size === services.length) {
      allSettled.resolve();
    }
  };
  services.forEach(({ ended }, index) => {
    ended.then(
      () => settle(index),
      () => undefined,
    );
  });
  const readLines = async (): Promise<void> => {
    let text = "";
    for await (const chunk of process.stdout) {
      text += String(chunk);
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        open.add(Number(line));
        settle(Number(line));
      }
    }
    await process.exited;
  };
  try {
    await orAborted(Promise.race([readLines(), allSettled.promise]), signal);
  } finally {
    process.close();
  }
  return open;
}
