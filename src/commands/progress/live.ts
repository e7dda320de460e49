import { createLogUpdate } from "log-update";
import { shownDuration } from "../shown.ts";
import type { Display, ShownStep } from "./display.ts";

const FRAME_MS = 120;
const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const BAR_WIDTH = 20;
const GREEN = 32;
const RED = 31;
const DIM = 2;

/** Draws the running steps again and again in place; ended ones stay above as lines. For terminals. */
export function createLive(stream: NodeJS.WriteStream, now: () => number): Display {
  const draw = createLogUpdate(stream);
  const running = new Map<string, ShownStep>();
  let frame = 0;

  const redraw = (): void => {
    frame += 1;
    const spinner = FRAMES[frame % FRAMES.length] ?? "";
    draw([...running.values()].map((step) => runningLine(step, spinner, now(), stream.columns ?? 80)).join("\n"));
  };
  const timer = setInterval(redraw, FRAME_MS);
  timer.unref();
  const printAbove = (text: string): void => {
    draw.clear();
    stream.write(`${text}\n`);
    redraw();
  };

  return {
    show(step) {
      if (step.state === "running") {
        running.set(step.title, step);
        return;
      }
      running.delete(step.title);
      printAbove(endedLine(step));
    },
    print: printAbove,
    close() {
      clearInterval(timer);
      draw.clear();
      draw.done();
    },
  };
}

function runningLine(step: ShownStep, spinner: string, nowMs: number, columns: number): string {
  const bar = step.fraction === undefined ? "" : ` ${barOf(step.fraction)}`;
  const line = `${spinner} ${step.title} ${shownDuration(nowMs - step.startedAt)}${bar} ${step.text}`;
  return line.length < columns ? line : `${line.slice(0, columns - 2)}…`;
}

function barOf(fraction: number): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * BAR_WIDTH);
  return `${"█".repeat(full)}${"░".repeat(BAR_WIDTH - full)} ${Math.floor(fraction * 100)} %`;
}

function endedLine(step: ShownStep): string {
  const took = paint(DIM, shownDuration((step.endedAt ?? 0) - step.startedAt));
  const text = step.text === "" ? "" : ` ${paint(DIM, step.text)}`;
  switch (step.state) {
    case "failed":
      return `${paint(RED, "✖")} ${step.title} ${took} ${step.text}`;
    case "skipped":
      return `${paint(GREEN, "✔")} ${step.title}${text}`;
    case "done":
    case "running":
      return `${paint(GREEN, "✔")} ${step.title} ${took}${text}`;
  }
}

const paint = (code: number, text: string): string => `\u001b[${code}m${text}\u001b[0m`;
