import Docker from "dockerode";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import { openChannel } from "../../src/guest/handshake.ts";
import { orAborted } from "../../src/jobs/waits.ts";
import type { Channel } from "../../src/ports/channel.ts";
import type { Progress } from "../../src/ports/progress.ts";
import type { BenchMachine } from "./machine.ts";
import { takeTurns } from "./turns.ts";
import type { Comparison, Way } from "./turns.ts";

const BANNER_DEADLINE_MS = 30_000;
/** Of one call; the slowest takes a few seconds under software emulation. */
const CALL_DEADLINE_MS = 120_000;

/** Compares what opens a connection for each call with the kept channel, on one real machine. */
export async function compareConnections(
  machine: BenchMachine,
  rounds: number,
  progress: Progress,
  signal: AbortSignal,
): Promise<readonly Comparison[]> {
  const subjects: readonly (readonly [string, readonly [Way, Way]])[] = [
    ["exec of `true`", [newExec(machine), keptExec(machine)]],
    ["Docker `_ping`", [dockerodePing(machine), keptPing(machine)]],
  ];
  const comparisons: Comparison[] = [];
  for (const [title, ways] of subjects) {
    const step = progress.step(`Measuring ${title}`);
    const onRound = (round: number): void => step.update(`round ${round} of ${rounds}`, round / (rounds + 1));
    comparisons.push(await takeTurns(title, ways, rounds, onRound, signal));
    step.done(`${rounds} rounds`);
  }
  return comparisons;
}

const keptExec = ({ kept }: BenchMachine): Way => ({
  name: "kept channel",
  run: (signal) => execTrue(kept.channel, limited(signal)),
});

const newExec = ({ address, keys, user }: BenchMachine): Way => ({
  name: "new ssh connection per call",
  async run(signal) {
    const limit = limited(signal);
    const channel = await openChannel(address, keys, user, BANNER_DEADLINE_MS, clock, limit);
    try {
      await execTrue(channel, limit);
    } finally {
      channel.close();
    }
  },
});

const keptPing = ({ kept }: BenchMachine): Way => ({
  name: "kept channel",
  run: (signal) => kept.engine.ping(limited(signal)),
});

const dockerodePing = ({ address, keys, user }: BenchMachine): Way => {
  const sshOptions = { privateKey: keys.client.privateKey };
  const docker = new Docker({ protocol: "ssh", ...address, username: user, sshOptions });
  return {
    name: "dockerode's ssh mode",
    run: async (signal) => void (await orAborted(docker.ping(), limited(signal))),
  };
};

async function execTrue(channel: Channel, signal: AbortSignal): Promise<void> {
  const { stdin, stdout, stderr, exited } = await channel.exec("true", {}, signal);
  stdin.end();
  stdout.resume();
  stderr.resume();
  const { exitCode } = await exited;
  if (exitCode !== 0) throw new Error(`Expected \`true\` to exit with 0, got ${exitCode}`);
}

const limited = (signal: AbortSignal): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(CALL_DEADLINE_MS)]);
