import { execFile, spawn } from "node:child_process";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";

const run = promisify(execFile);
const AUTHOR = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];

/** A bare repository below a folder, as `group/project.git`, with one commit on `main`. */
export interface Repository {
  /** Absolute; what it holds is what may be served. */
  readonly root: string;
  readonly sha: string;
}

/** Makes a repository. @param source a folder whose files it holds beside a README; none, if not given. */
export async function createRepository(folder: string, source?: string): Promise<Repository> {
  const work = join(folder, "work");
  const bare = join(folder, "served", "group", "project.git");
  await mkdir(work, { recursive: true });
  await writeFile(join(work, "README.md"), "A project.\n");
  if (source !== undefined) await cp(source, work, { recursive: true });
  const git = (...args: readonly string[]) => run("git", ["-C", work, ...AUTHOR, ...args]);
  await git("init", "--quiet", "--initial-branch=main");
  await git("add", "--all");
  await git("commit", "--quiet", "--message=First");
  const { stdout } = await git("rev-parse", "HEAD");
  await run("git", ["clone", "--quiet", "--bare", work, bare]);
  await run("git", ["-C", bare, "config", "http.receivepack", "false"]);
  return { root: join(folder, "served"), sha: stdout.trim() };
}

/** A request to git's own server of its smart protocol. */
export interface GitRequest {
  readonly method: string;
  /** With a leading slash: `/group/project.git/info/refs`. */
  readonly path: string;
  readonly query: string;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** Serves a request from a repository through `git http-backend`, a program of the Common Gateway Interface (RFC 3875). */
export async function serveGit({ root }: Repository, request: GitRequest): Promise<Response> {
  const env = {
    ...{ PATH: process.env["PATH"], GIT_PROJECT_ROOT: root, GIT_HTTP_EXPORT_ALL: "1", REQUEST_METHOD: request.method },
    ...{ PATH_INFO: request.path, QUERY_STRING: request.query, CONTENT_LENGTH: `${request.body.length}` },
    CONTENT_TYPE: request.headers.get("content-type") ?? "",
    HTTP_CONTENT_ENCODING: request.headers.get("content-encoding") ?? "",
    GIT_PROTOCOL: request.headers.get("git-protocol") ?? "",
  };
  const child = spawn("git", ["http-backend"], { env, stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.on("error", () => undefined).end(request.body);
  return responseFrom(await buffer(child.stdout));
}

function responseFrom(output: Buffer): Response {
  const headEnd = output.indexOf("\r\n\r\n");
  const headers = new Headers();
  for (const line of output.subarray(0, headEnd).toString().split("\r\n")) {
    const colon = line.indexOf(":");
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const status = Number.parseInt(headers.get("status") ?? "200", 10);
  headers.delete("status");
  return new Response(new Uint8Array(output.subarray(headEnd + 4)), { status, headers });
}
