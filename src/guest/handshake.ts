import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { connect } from "node:net";
import ssh2 from "ssh2";
import { MachineError, TransientError } from "../domain/errors.ts";
import type { Address } from "../domain/machine.ts";
import type { Channel } from "../ports/channel.ts";
import type { Clock } from "../ports/clock.ts";
import type { KnownKeys } from "../ports/guest.ts";
import { createChannel } from "./channel.ts";
import { within } from "./deadline.ts";

/** The fastest that Debian's sshd offers, and the only ones: software emulation spends whole seconds in a slower handshake. */
const ALGORITHMS: ssh2.Algorithms = {
  kex: ["curve25519-sha256"],
  cipher: ["aes128-gcm@openssh.com"],
  serverHostKey: ["ssh-ed25519"],
  compress: ["none"],
};
/** From the banner to the log-in. Under software emulation on a busy host several seconds are usual. */
const HANDSHAKE_DEADLINE_MS = 60_000;
/** A peer that answers none of three probes is gone: noticed after 15 s. */
const KEEPALIVE_INTERVAL_MS = 5_000;
const KEEPALIVE_COUNT = 2;

/**
 * Tries once to log in on a machine.
 * @param bannerDeadlineMs QEMU's user network accepts a connection long before the guest does; only the banner is a sign of life.
 * @throws MachineError `host-key-changed` before any request to log in was sent; TransientError when it may work later.
 */
export async function openChannel(
  address: Address,
  keys: KnownKeys,
  user: string,
  bannerDeadlineMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<Channel> {
  const socket = connect({ host: address.host, port: address.port, noDelay: true });
  try {
    await within(bannerDeadlineMs, "the machine's SSH banner", clock, signal, (limit) => waitForBanner(socket, limit));
    return await within(HANDSHAKE_DEADLINE_MS, "the SSH handshake", clock, signal, (limit) =>
      logIn(socket, address, keys, user, limit),
    );
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function waitForBanner(socket: Socket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      signal.removeEventListener("abort", onAbort);
      socket.off("data", onData).off("close", onClose);
      act();
    };
    const onAbort = (): void => settle(() => reject(signal.reason));
    const onClose = (): void => settle(() => reject(unreachable("closed before its SSH banner")));
    const onData = (chunk: Buffer): void => {
      socket.pause();
      settle(() => {
        socket.unshift(chunk);
        resolve();
      });
    };
    // Stays for the socket's whole life: an error without a listener would end the manager. The close follows each error.
    socket.on("error", () => {});
    socket.once("data", onData).once("close", onClose);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

function logIn(socket: Socket, address: Address, keys: KnownKeys, user: string, signal: AbortSignal): Promise<Channel> {
  const pinned = (keys.hostKeys ?? [keys.host.publicKey]).map(keyBlobFrom);
  const isPinned = (key: Buffer): boolean => pinned.some((one) => key.equals(one));
  const client = new ssh2.Client();
  return new Promise((resolve, reject) => {
    let shown: Buffer | undefined;
    const settle = (act: () => void): void => {
      signal.removeEventListener("abort", onAbort);
      client.off("error", onError).off("ready", onReady).off("close", onClose);
      act();
    };
    const fail = (error: unknown): void => {
      settle(() => reject(error));
      client.destroy();
    };
    const onAbort = (): void => fail(signal.reason);
    const onClose = (): void => fail(unreachable("closed the connection during the SSH handshake"));
    const onReady = (): void => settle(() => resolve(createChannel(client)));
    const onError = (error: Error): void => {
      if (shown !== undefined && !isPinned(shown)) fail(hostKeyChanged(address, fingerprintOf(shown), pinned));
      else if (isOtherKeyType(error)) fail(hostKeyChanged(address, "a key of another type", pinned));
      else fail(unreachable(error.message));
    };
    // Stays for the client's whole life, as on the socket.
    client.on("error", () => {});
    client.on("error", onError).once("ready", onReady).once("close", onClose);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) return onAbort();
    client.connect({
      sock: socket,
      username: user,
      // Naming the one method saves the round trip in which ssh2 asks for log-in without any.
      authHandler: ["publickey"],
      privateKey: keys.client.privateKey,
      hostVerifier: (key: Buffer): boolean => {
        shown = key;
        return isPinned(key);
      },
      algorithms: ALGORITHMS,
      keepaliveInterval: KEEPALIVE_INTERVAL_MS,
      keepaliveCountMax: KEEPALIVE_COUNT,
      readyTimeout: 0,
    });
  });
}

const unreachable = (problem: string): TransientError =>
  new TransientError("machine-unreachable", `The machine is not reachable yet: ${problem}`);

const hostKeyChanged = ({ host, port }: Address, shown: string, pinned: readonly Buffer[]): MachineError =>
  new MachineError(
    "host-key-changed",
    `Expected host key ${pinned.map(fingerprintOf).join(" or ")} at ${host}:${port}, was shown ${shown}; nothing was sent`,
  );

/** ssh2 says so when both sides share no host key algorithm; the pinned key's own is the only one that we offer. */
const isOtherKeyType = (error: Error): boolean => error.message.includes("no matching host key format");

const keyBlobFrom = (publicKey: string): Buffer => Buffer.from(publicKey.split(" ")[1] ?? "", "base64");

const fingerprintOf = (blob: Buffer): string =>
  `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
