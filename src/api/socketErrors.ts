import { SystemError, TransientError } from "../domain/errors.ts";

/** Says what a failure of the connection means to whoever asked. */
export function errorFromSocket(error: unknown, socketPath: string): Error {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (["ENOENT", "ECONNREFUSED", "ENOTSOCK", "ENOTDIR"].includes(code)) {
    const message = `no mayfly daemon answers at ${socketPath}; start one with \`mayfly daemon\``;
    return new SystemError("no-daemon", message, { cause: error });
  }
  if (code === "EACCES" || code === "EPERM") {
    const message = `permission denied at ${socketPath}; run as the user that runs the mayfly daemon`;
    return new SystemError("socket-denied", message, { cause: error });
  }
  if (code === "EINVAL" || code === "ENAMETOOLONG") {
    return new SystemError("socket-unusable", `${socketPath} is no path for a socket (at most 107 bytes)`, {
      cause: error,
    });
  }
  if (code === "EAGAIN") {
    const message = `the mayfly daemon at ${socketPath} is too busy to take a connection; try again`;
    return new TransientError("connection-lost", message, { cause: error });
  }
  return new TransientError("connection-lost", `the connection to the mayfly daemon at ${socketPath} broke (${code})`, {
    cause: error,
  });
}
