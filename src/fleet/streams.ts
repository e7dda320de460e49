/** The streams of a process. Each is made when it is looked at, which costs some milliseconds: look at what you need. */
export interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** The streams of this process. A reader that goes away, as `head` does, is met where the write fails, not by a crash. */
export const processStreams: Streams = {
  get stdin() {
    return process.stdin;
  },
  get stdout() {
    return heedless(process.stdout);
  },
  get stderr() {
    return heedless(process.stderr);
  },
};

const ignore = (): void => undefined;

const heedless = (stream: NodeJS.WriteStream): NodeJS.WriteStream =>
  stream.listeners("error").includes(ignore) ? stream : stream.on("error", ignore);
