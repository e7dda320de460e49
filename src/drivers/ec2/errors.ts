import {
  CapacityError,
  ConfigError,
  ConflictError,
  MayflyError,
  NoEffectError,
  NotFoundError,
  RefusedError,
  TransientError,
} from "../../domain/errors.ts";
import type { Ec2Action } from "./client.ts";
import {
  CAPACITY_CODES,
  CONFIG_CODES,
  DENIED_CODES,
  QUOTA_CODES,
  THROTTLE_CODES,
  TRANSIENT_CODES,
  UNSENT_CODES,
} from "./errorCodes.ts";
import { STATEMENTS, STATEMENTS_BESIDE } from "./statements.ts";

/** An account that takes no more calls of this action for now. */
export class ThrottleError extends NoEffectError {}
/** An account whose quota is used up, whatever the offering. */
export class QuotaError extends CapacityError {}

/** Settles as a question does that comes before a launch: when it fails, nothing came of the launch. */
export const beforeLaunch = <T>(asked: Promise<T>): Promise<T> =>
  asked.catch((error: unknown) => {
    if (!(error instanceof TransientError) || error instanceof NoEffectError) throw error;
    throw new NoEffectError(error.code, error.message, { cause: error });
  });

/** Classifies what a call of EC2 came to, once and for all. Our own errors, and what an abort threw, stay as they are. */
export function errorFrom(error: unknown, action: Ec2Action): unknown {
  if (error instanceof MayflyError || !(error instanceof Error)) return error;
  return errorFromCode(codeOf(error), error.message, action, error) ?? errorFromStatus(error, action);
}

/** Classifies a code with its message, from a refusal or from inside an answer; undefined for one that nobody knows. */
export function errorFromCode(
  code: string,
  message: string,
  action: Ec2Action,
  cause?: Error,
): MayflyError | undefined {
  const options = cause === undefined ? {} : { cause };
  // What others say may have several lines.
  const words = message.replace(/\s+/g, " ").trim();
  const said = `${action}: ${code}${words === "" || words === code ? "" : `: ${words}`}`;
  if (CAPACITY_CODES.has(code)) return new CapacityError(kebab(code), said, options);
  if (QUOTA_CODES.has(code)) return new QuotaError(kebab(code), said, options);
  if (THROTTLE_CODES.has(code)) return new ThrottleError("throttled", said, options);
  if (UNSENT_CODES.has(code) || isNeverConnected(code, message)) return new NoEffectError(kebab(code), said, options);
  if (TRANSIENT_CODES.has(code)) return new TransientError(kebab(code), said, options);
  if (DENIED_CODES.has(code)) return deniedFrom(action, words, options);
  if (isNetworkMismatch(code, message))
    return new ConfigError([
      {
        place: "pool.ec2.subnets",
        message: `Expected them to be of the VPC of \`pool.ec2.security_groups\` (${said})`,
      },
    ]);
  // An image that is to go need not be there; elsewhere its id is a setting.
  if (action === "DeregisterImage" && /^InvalidAMIID\./.test(code))
    return new NotFoundError(kebab(code), said, options);
  for (const [pattern, place, rule] of CONFIG_CODES)
    if (pattern.test(code)) return new ConfigError([{ place, message: `${rule} (${said})` }]);
  if (
    /AlreadyExists|^IdempotentParameterMismatch$|^IncorrectInstanceState$|^InvalidAMIName\.Duplicate$|^DryRunOperation$/.test(
      code,
    )
  )
    return new ConflictError(kebab(code), said, options);
  // After the settings: InvalidAMIID.NotFound is a wrong setting, InvalidInstanceID.NotFound the way of all machines.
  if (/NotFound|\.Malformed/.test(code)) return new NotFoundError(kebab(code), said, options);
  return undefined;
}

function errorFromStatus(error: Error, action: Ec2Action): unknown {
  const status = (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode;
  const said = `${action}: ${error.name}: ${error.message}`;
  if (status !== undefined && status >= 500) return new TransientError("server-error", said, { cause: error });
  if (status !== undefined && status >= 400) return new RefusedError("ec2-refused", said, { cause: error });
  // No status: an answer that broke off, or was none of EC2's. Whether the call took effect, nobody knows.
  if (/socket hang up|Deserialization|terminated/i.test(error.message))
    return new TransientError("answer-lost", said, { cause: error });
  return error;
}

/** A policy speaks of actions, so does the message; what EC2 says beside is encoded, and names the account. */
function deniedFrom(asked: Ec2Action, words: string, options: ErrorOptions): RefusedError {
  // A fleet that may be made launches nothing when another action is denied that it does on our behalf.
  const [, named = `ec2:${asked}`] = /not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)/.exec(words) ?? [];
  const statement = STATEMENTS_BESIDE[named] ?? STATEMENTS[asked];
  const message = `AWS does not allow ${named} to these credentials: statement "${statement}" of the policy in terraform/ grants it`;
  return new RefusedError("not-allowed", message, options);
}

/** The SDK's word for a connection that did not come about in its time, which it calls as it calls a late answer. */
const isNeverConnected = (code: string, message: string): boolean =>
  code === "TimeoutError" && /did not establish a connection/.test(message);

const isNetworkMismatch = (code: string, message: string): boolean =>
  /^InvalidParameter/.test(code) && /belong to different networks|different VPC/i.test(message);

/** The code of an SDK error is its name; of a system error, its code. */
function codeOf(error: Error): string {
  const { code } = error as { readonly code?: unknown };
  return error.name === "Error" && typeof code === "string" ? code : error.name;
}

const kebab = (code: string): string =>
  code
    .replace(/[^A-Za-z0-9]+/g, "-")
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .toLowerCase();
