import { expect, it } from "vitest";
import { createBroadcast } from "../../../../src/pool/state/broadcast.ts";

it("tells who follows of news that came while nobody asked, once", async () => {
  const changes = createBroadcast();
  const news = changes.follow(["a", "b"], new AbortController().signal);
  changes.notify("b");
  changes.notify("a");

  await news.next();
  const second = news.next().then(() => "heard");

  expect(await Promise.race([second, Promise.resolve("silence")])).toBe("silence");
  changes.notify("c");
  expect(await Promise.race([second, Promise.resolve("silence")])).toBe("silence");
  changes.notify("a");
  expect(await second).toBe("heard");
});

it("lets nobody wait for news after the signal aborted", async () => {
  const changes = createBroadcast();
  const abort = new AbortController();
  const news = changes.follow(["a"], abort.signal);
  const waiting = news.next();

  abort.abort();

  await waiting;
  await news.next();
});

it("stops calling a listener that was taken away", () => {
  const changes = createBroadcast();
  let heard = 0;
  const stop = changes.listen("a", () => {
    heard += 1;
  });

  changes.notify("a");
  stop();
  changes.notify("a");

  expect(heard).toBe(1);
});
