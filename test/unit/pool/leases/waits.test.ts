import { expect, it } from "vitest";
import { leaseIdFrom } from "../../../../src/domain/ids.ts";
import type { LeaseIn } from "../../../../src/domain/lease.ts";
import { createWaitBook } from "../../../../src/pool/leases/waits.ts";
import { waitingLease } from "../../../support/records.ts";

const lease = (id: string, createdAt: number): LeaseIn<"waiting"> => ({
  ...(waitingLease(id) as LeaseIn<"waiting">),
  id: leaseIdFrom(id),
  createdAt,
});

it("tells by its place in the queue whether a lease waits for a boot or for the limit", () => {
  const book = createWaitBook();
  const [first, second] = [lease("l-1", 0), lease("l-2", 0)];
  book.begin(first, 0, 0);
  book.begin(second, 1, 0);
  book.note("small", 1, "growth-limit", 10);
  book.note("small", 1, "growth-limit", 20);

  expect(book.waitedBy(first, 100)).toEqual({ "no-idle-machine": 10, boot: 90 });
  expect(book.waitedBy(second, 100)).toEqual({ "no-idle-machine": 10, "growth-limit": 90 });
});

it("moves a lease up when one before it has got its machine", () => {
  const book = createWaitBook();
  const [first, second] = [lease("l-1", 0), lease("l-2", 0)];
  book.begin(first, 0, 0);
  book.begin(second, 1, 0);
  book.note("small", 1, "max-machines", 0);
  book.end(first);
  book.note("small", 1, "max-machines", 60);

  expect(book.waitedBy(second, 100)).toEqual({ "max-machines": 60, boot: 40 });
  expect(book.waitedBy(first, 100)).toBeUndefined();
});

it("counts apart what was waited before it began to count", () => {
  const book = createWaitBook();
  book.begin(lease("l-1", 0), 0, 500);
  book.note("small", 1, "growth-limit", 500);

  expect(book.waitedBy(lease("l-1", 0), 600)).toEqual({ earlier: 500, boot: 100 });
});

it("adds up to the whole wait, however long the queue has been there", () => {
  const book = createWaitBook();
  book.begin(lease("l-0", 0), 0, 0);
  for (let at = 1; at <= 10_000; at += 1) book.note("small", at % 3, "budget", at);
  book.begin(lease("l-1", 9_990), 1, 9_990);

  const sum = (waited: object = {}): number => Object.values(waited).reduce((total, ms) => total + ms, 0);

  expect(sum(book.waitedBy(lease("l-1", 9_990), 10_500))).toBe(510);
  expect(sum(book.waitedBy(lease("l-0", 0), 10_500))).toBe(10_500);
});
