import { MachineLostError } from "../domain/errors.ts";
import type { EpochMs } from "../domain/ids.ts";
import type { Channel } from "../ports/channel.ts";
import type { MachineNotice, ReadyGuest } from "../ports/guest.ts";
import { readTemplate } from "./templates.ts";

/** The account that cloud-init/seal/close-metadata.sh leaves the metadata service open to; nobody has this number else. */
const ACCOUNT = 61_000;
/** Longer than any answer of EC2. What says more is a job that plays with us, and is heard no longer. In characters. */
const MAX_LINE = 4_096;

const KINDS: Readonly<Record<string, MachineNotice["kind"]>> = {
  "spot/instance-action": "interruption",
  "events/recommendations/rebalance": "rebalance",
};

/**
 * Listens on a machine to what EC2 tells it of its own end, until the signal aborts or the machine's end of it does. One process
 * of little more than sleep, over the kept connection. Never throws for a machine that is lost, or that cannot be asked.
 */
export async function watchNotices(
  { channel }: Pick<ReadyGuest, "channel">,
  onNotice: (notice: MachineNotice) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const line of linesOf(channel, await commandFrom(), signal)) {
      const notice = noticeFrom(line);
      if (notice !== undefined) onNotice(notice);
    }
  } catch (error) {
    if (!signal.aborted && !(error instanceof MachineLostError)) throw error;
  }
}

async function commandFrom(): Promise<string> {
  const script = (await readTemplate("notices/watch.sh")).replaceAll("'", String.raw`'\''`);
  return `sudo -n setpriv --reuid=${ACCOUNT} --regid=${ACCOUNT} --clear-groups sh -c '${script}'`;
}

/** What a command writes, line by line; its input stays open until then, and ends it. */
async function* linesOf(channel: Channel, command: string, signal: AbortSignal): AsyncGenerator<string> {
  const { stdout, stderr, exited, close } = await channel.exec(command, {}, signal);
  exited.catch(() => undefined);
  signal.addEventListener("abort", close, { once: true });
  stderr.resume();
  let rest = "";
  try {
    for await (const chunk of stdout) {
      const lines = (rest + String(chunk)).split("\n");
      rest = lines.pop() ?? "";
      if (rest.length > MAX_LINE) return;
      yield* lines;
    }
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}

/** Reads one line; undefined for one that says nothing of the kind. */
function noticeFrom(line: string): MachineNotice | undefined {
  const [, what = "", said = ""] = /^(\S+) (.*)$/.exec(line) ?? [];
  const kind = KINDS[what];
  if (kind === undefined) return undefined;
  const time: EpochMs = Date.parse(/"(?:time|noticeTime)"\s*:\s*"([^"]{1,40})"/.exec(said)?.[1] ?? "");
  return { kind, ...(Number.isNaN(time) ? {} : { at: time }) };
}
