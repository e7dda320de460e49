import type { JobOutput } from "./output.ts";
import { isDiskFull } from "./room.ts";

const RESET = "\u001b[0;m";

/** Bold green, the colour of commands and of success in GitLab's job logs. */
export const green = (text: string): string => `\u001b[32;1m${text}${RESET}`;
const cyan = (text: string): string => `\u001b[36;1m${text}${RESET}`;
const red = (text: string): string => `\u001b[31;1m${text}${RESET}`;
const yellow = (text: string): string => `\u001b[0;33m${text}${RESET}`;

/** The runner's own lines in a job's log, in the style of GitLab's runner. `said` goes before a line, in one piece with it. */
export interface Notes {
  /** A heading, e.g. `Running after script...`. */
  section(text: string, said?: string): Promise<void>;
  line(text: string): Promise<void>;
  success(text: string, said?: string): Promise<void>;
  error(text: string, said?: string): Promise<void>;
  /** Written even where the other lines are not. */
  warning(text: string): Promise<void>;
}

/** A warning as it stands in a log. */
export const warningLine = (text: string): string => `${yellow(`WARNING: ${text}`)}\n`;

/** Writes notes between a job's output. @param isQuiet leaves all but the warnings, and what is said, out, for jobs whose output is data. */
export function createNotes(output: JobOutput, isQuiet: boolean): Notes {
  const write = async (text: string): Promise<void> => {
    if (text === "") {
      return;
    }
    try {
      await output(Buffer.from(text));
    } catch (error) {
      // A full disk holds up what the job says, for that must not be lost; never the job for what is said about it.
      if (!isDiskFull(error)) {
        throw error;
      }
    }
  };
  const unlessQuiet = (text: string, said = ""): Promise<void> => write(`${said}${isQuiet ? "" : `${text}\n`}`);
  return {
    section: (text, said) => unlessQuiet(cyan(text), said),
    line: (text) => unlessQuiet(text),
    success: (text, said) => unlessQuiet(green(text), said),
    error: (text, said) => unlessQuiet(red(text), said),
    warning: (text) => write(warningLine(text)),
  };
}
