/** What the AWS SDK throws for an answer of EC2 that is a refusal. */
export function refusal(code: string, message: string, status = 400): Error {
  const error = new Error(message);
  error.name = code;
  return Object.assign(error, { $metadata: { httpStatusCode: status } });
}

/** Too many calls, whoever made them. */
export const throttled = (): Error => refusal("RequestLimitExceeded", "Request limit exceeded.", 503);

/** What it throws when no answer came in time. */
export const timedOut = (): Error => refusal("TimeoutError", "The request timed out", 0);

/** What it throws when the connection broke off. */
export const cutOff = (): Error => Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
