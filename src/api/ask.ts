import type { Socket } from "node:net";
import { SystemError, TransientError } from "../domain/errors.ts";
import { connectSocket } from "./connect.ts";
import { errorFromBody } from "./errors.ts";
import type { ErrorBody } from "./errors.ts";
import { errorFromSocket } from "./socketErrors.ts";

/** A question that is answered with one JSON document. */
export interface Question {
  readonly method: "GET" | "POST";
  /** With its query, as it is sent: visible ASCII. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is sent along, as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

const HEAD_END = "\r\n\r\n";
/** More than this before the body is nothing of ours. */
const LONGEST_HEAD_BYTES = 64 * 2 ** 10;
const OK = 200;

/**
 * Asks the daemon at a unix socket, over a connection of its own. It speaks HTTP/1.0, whose answers come in one piece until the connection ends
 * (RFC 9112, 6.1 and 6.3), and so needs nothing of `node:http`, which costs a short command half as much time again as Node itself.
 * @throws what the daemon answered, as it left there; SystemError `no-daemon`, `not-mayfly`; TransientError `connection-lost`.
 */
export async function askJson(socketPath: string, question: Question): Promise<unknown> {
  const sent = textFrom(question);
  const connection = await connectSocket(socketPath, question.signal);
  const received = await exchange(connection, sent, socketPath, question.signal);
  const { status, body } = readAnswer(received, socketPath);
  const answer = parseJson(body, socketPath);
  if (status !== OK) throw errorFromBody(answer as ErrorBody);
  return answer;
}

/** A question as it is sent. @throws TypeError when something in it would be read as another line. */
function textFrom({ method, path, headers = {}, body }: Question): string {
  const text = body === undefined ? "" : JSON.stringify(body);
  const lines = [
    `${method} ${path} HTTP/1.0`,
    "Host: mayfly",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined ? [] : ["Content-Type: application/json"]),
    ...(method === "GET" ? [] : [`Content-Length: ${Buffer.byteLength(text)}`]),
  ];
  const wrong = lines.find((line) => !/^[\x20-\x7e]*$/.test(line)) ?? (path.includes(" ") ? path : undefined);
  if (wrong !== undefined) throw new TypeError(`Expected visible ASCII, got ${JSON.stringify(wrong)}`);
  return `${lines.join("\r\n")}${HEAD_END}${text}`;
}

/** Sends a question and answers all that comes back until the connection ends. */
function exchange(
  connection: Socket,
  sent: string,
  socketPath: string,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let failure: unknown;
  return new Promise<Buffer>((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal?.reason);
      connection.destroy();
    };
    connection.on("data", (part: Buffer) => parts.push(part));
    connection.once("error", (error) => {
      failure = error;
    });
    connection.once("close", () => {
      signal?.removeEventListener("abort", onAbort);
      // Who refuses a question before its end may have answered why.
      if (failure !== undefined && parts.length === 0) reject(errorFromSocket(failure, socketPath));
      else resolve(Buffer.concat(parts));
    });
    if (signal?.aborted === true) return onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    connection.write(sent);
  });
}

/** @throws TransientError `connection-lost` when there is less of an answer than it says itself; SystemError `not-mayfly`. */
function readAnswer(bytes: Buffer, socketPath: string): { readonly status: number; readonly body: Buffer } {
  const end = bytes.subarray(0, LONGEST_HEAD_BYTES).indexOf(HEAD_END);
  const head = bytes.subarray(0, end).toString("latin1");
  const status = /^HTTP\/1\.[01] (\d{3})[ \r]/.exec(`${head}\r`)?.[1];
  if (end === -1 && bytes.length < LONGEST_HEAD_BYTES) throw lost(socketPath);
  const length = /^content-length:[ \t]*(\d+)[ \t]*$/im.exec(head)?.[1];
  if (end === -1 || status === undefined || /^transfer-encoding:/im.test(head)) throw notMayfly(socketPath);
  const body = bytes.subarray(end + HEAD_END.length);
  if (length !== undefined && body.length < Number(length)) throw lost(socketPath);
  return { status: Number(status), body: body.subarray(0, length === undefined ? undefined : Number(length)) };
}

function parseJson(body: Buffer, socketPath: string): unknown {
  try {
    return JSON.parse(body.toString());
  } catch (cause) {
    throw notMayfly(socketPath, cause);
  }
}

const lost = (socketPath: string): TransientError =>
  new TransientError("connection-lost", `the connection to the mayfly daemon at ${socketPath} broke (it ended early)`);
const notMayfly = (socketPath: string, cause?: unknown): SystemError =>
  new SystemError("not-mayfly", `what answers at ${socketPath} is not a mayfly daemon`, { cause });
