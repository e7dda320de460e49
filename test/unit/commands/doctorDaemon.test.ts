import { expect, it } from "vitest";
import { checksFromHealth } from "../../../src/commands/doctorDaemon.ts";
import type { Health } from "../../../src/ports/health.ts";
import { health } from "../../support/health.ts";

const NOW = 1_000_000;
const MIRROR = {
  listen: "127.0.0.1:5050",
  upstream: "http://hub",
  isServing: true,
  starts: 1,
  cacheBytes: 0,
  maxCacheBytes: 1,
};
const GITLAB = { pipelines: 2, jobsToCome: 9, knownNames: 40 };
const HOOKS = { listen: "127.0.0.1:8095", isUp: true, taken: 5, other: 0, invalid: 0, refused: 0 };
const open = { name: "small", mode: "open", refusals: 0 } as const;

it.each<[string, Partial<Health>, string, unknown]>([
  ["the daemon", {}, "daemon", { status: "ok", detail: "runs as process 12, version 1.2.3" }],
  [
    "a daemon that stops",
    { status: "stopping" },
    "daemon",
    { status: "warn", detail: expect.stringContaining("it is stopping"), fix: expect.stringContaining("`kill 12`") },
  ],
  ["a store", {}, "store", { status: "ok", detail: "can be written" }],
  [
    "a store that cannot be written",
    { storeProblem: { text: "No space left", since: NOW - 90_000 } },
    "store",
    {
      status: "fail",
      detail: "cannot be written for 1m30s, nothing new is begun: No space left",
      fix: expect.stringContaining("goes on by itself"),
    },
  ],
  [
    "webhooks",
    { gitlab: { ...GITLAB, webhooks: { ...HOOKS, lastHeardAt: NOW - 60_000 } } },
    "GitLab's webhooks",
    {
      status: "ok",
      detail: expect.stringContaining("5 taken at 127.0.0.1:8095, the last 1m ago; 9 jobs of 2 pipelines"),
    },
  ],
  [
    "webhooks that cannot be taken",
    {
      gitlab: { ...GITLAB, webhooks: { ...HOOKS, isUp: false, problem: { text: "port taken", since: NOW - 90_000 } } },
    },
    "GitLab's webhooks",
    { status: "warn", detail: "are not taken at 127.0.0.1:8095 for 1m30s: port taken" },
  ],
  [
    "webhooks that never came",
    { gitlab: { ...GITLAB, webhooks: HOOKS } },
    "GitLab's webhooks",
    { status: "warn", fix: expect.stringContaining("127.0.0.1:8095/gitlab") },
  ],
  [
    "webhooks of which the last was not taken",
    { gitlab: { ...GITLAB, webhooks: { ...HOOKS, lastHeardAt: 1, lastRefusal: { text: "wrong token", at: NOW } } } },
    "GitLab's webhooks",
    { status: "warn", detail: expect.stringContaining("was not: wrong token") },
  ],
  [
    "a mirror",
    { mirror: MIRROR },
    "daemon's mirror",
    { status: "ok", detail: "of http://hub serves on 127.0.0.1:5050" },
  ],
  [
    "a mirror that does not serve",
    { mirror: { ...MIRROR, isServing: false, problem: { text: "port taken", since: NOW - 90_000 } } },
    "daemon's mirror",
    {
      status: "warn",
      detail: "of http://hub does not serve on 127.0.0.1:5050, machines pull from there, for 1m30s: port taken",
      fix: expect.stringContaining("by itself"),
    },
  ],
  ["a pool", { pools: [open] }, "pool small", { status: "ok", detail: "open" }],
  [
    "a pool whose launches are refused",
    { pools: [{ ...open, launchProblem: "no memory", refusals: 3, launchesPausedUntil: NOW + 12_000 }] },
    "pool small",
    {
      status: "warn",
      detail: "a launch was refused 3 times in a row, tried again in 12s: no memory",
      fix: "mayfly pool show small",
    },
  ],
  [
    "a pool that was cordoned",
    { pools: [{ ...open, mode: "cordoned", steeredBy: "pool" }] },
    "pool small",
    { status: "warn", detail: "cordoned by an operator, by itself", fix: "mayfly pool resume small" },
  ],
  [
    "a pool that was drained with all others",
    { pools: [{ ...open, mode: "draining", steeredBy: "all" }] },
    "pool small",
    { status: "warn", detail: "draining by an operator, with all pools", fix: "mayfly pool resume --all" },
  ],
])("shows %s, and what to do next", (_what, changes, name, expected) => {
  expect(checksFromHealth(health(changes), NOW).find((check) => check.name === name)).toMatchObject(expected as object);
});
