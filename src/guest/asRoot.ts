import { text } from "node:stream/consumers";
import type { Channel } from "../ports/channel.ts";
import { readTemplate } from "./templates.ts";

/** What a script came to on a machine. */
export interface ScriptOutcome {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  /** The end of what it complained of, at most 500 characters. */
  readonly complaint: string;
}

/**
 * Runs a file of cloud-init/ as root on a machine. @throws MachineLostError when the channel breaks; the signal's reason.
 * @param argument its first one. Letters, digits, "-", "." and "_" alone: it goes through a shell.
 */
export async function runAsRoot(
  channel: Channel,
  script: string,
  signal: AbortSignal,
  argument?: string,
): Promise<ScriptOutcome> {
  if (argument !== undefined && !/^[\w.-]+$/.test(argument)) throw new Error(`"${argument}" would not stay one word`);
  const command = argument === undefined ? "sudo -n sh -s" : `sudo -n sh -s -- ${argument}`;
  const { stdin, stdout, stderr, exited } = await channel.exec(command, {}, signal);
  stdin.end(await readTemplate(script));
  const [said, complaint, { exitCode }] = await Promise.all([text(stdout), text(stderr), exited]);
  return { exitCode, stdout: said, complaint: complaint.trim().slice(-500) };
}
