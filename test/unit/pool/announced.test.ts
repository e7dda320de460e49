import { expect, it } from "vitest";
import { createAnnouncedBook } from "../../../src/pool/target/announced.ts";

const jobs = (count: number) => [{ poolName: "small", count, chance: 0.9, readyAt: [100_000] }];
const announcement = (count: number, begun = 0) => ({
  jobs: count === 0 ? [] : jobs(count),
  begun: begun === 0 ? [] : [{ poolName: "small", count: begun }],
  ttlMs: 600_000,
});

it("keeps the last announcement of each pipeline, until it is over or silent for too long", () => {
  const book = createAnnouncedBook();
  book.announce("p-1", announcement(9), 0);
  book.announce("p-1", announcement(4), 10);
  book.announce("p-2", announcement(2), 10);

  expect(book.expectedIn("small", 20).map(({ count }) => count)).toEqual([4, 2]);
  expect(book.expectedIn("other", 20)).toEqual([]);
  book.announce("p-2", announcement(0), 30);
  expect(book.expectedIn("small", 40)).toHaveLength(1);
  expect(book.expectedIn("small", 700_000)).toEqual([]);
});

it("knows of as many jobs as were announced, once, since when they were, and of none that came long after", () => {
  const book = createAnnouncedBook();
  book.announce("p-1", announcement(2), 0);
  book.announce("p-1", announcement(0, 5), 100_000);

  const known = [1, 2, 3].map(() => book.takeAnnounced("small", 100_001));
  book.announce("p-2", announcement(2), 200_000);
  book.announce("p-2", announcement(0, 2), 210_000);

  expect(known).toEqual([0, 0, undefined]);
  expect(book.takeAnnounced("small", 210_001)).toBe(200_000);
  expect(book.takeAnnounced("small", 900_000)).toBeUndefined();
});
