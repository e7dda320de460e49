import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import { listGolden } from "../../src/drivers/qemu/golden/list.ts";
import { findImage } from "../../src/drivers/qemu/image/find.ts";
import { createGuest } from "../../src/guest/guest.ts";
import { CLONE_SETTINGS, CLONE_SHAPE, identityOf, launchClone, outputOf, randomBytesOf } from "../support/clones.ts";
import type { Clone } from "../support/clones.ts";
import { deadlinesOf } from "../support/deadlines.ts";
import type { Deadlines } from "../support/deadlines.ts";
import { silentLogger as logger } from "../support/jobs.ts";
import { ownImagesDir } from "../support/ownImages.ts";
import { createQemuLab } from "../support/qemu.ts";
import type { QemuLab } from "../support/qemu.ts";
import { warningsInto } from "../support/warnings.ts";
import type { Warning } from "../support/warnings.ts";

/** Set by the integration tier's setup to where it built the guest image. */
const imagesDir = process.env["MAYFLY_TEST_IMAGES_DIR"];
const CLONES = 20;
const AT_ONCE = 3;
const RANDOM_BYTES = 1_000_000;
const BLOCK_BYTES = 16;
const MINUTE_MS = 60_000;
const MOST_WRONG_S = 2;
/** The template may be slower than a launch waits for it. */
const TRIES = 5;
const never = new AbortController().signal;
const guest = createGuest({ clock, logger });

const limitsOf = (index: number) => ({
  orphanTimeoutMs: (60 + 10 * index) * MINUTE_MS,
  lifetimeMs: (600 + 10 * index) * MINUTE_MS,
});

/** What was seen of one clone before it was ended. */
interface Seen {
  readonly origin: string | undefined;
  readonly identity: ReadonlyMap<string, string>;
  readonly random: Buffer;
  readonly deadlines: Deadlines;
  /** The host's clock before and after, and the machine's in between, in seconds since 1970. */
  readonly clocks: readonly [before: number, its: number, after: number];
}

describe.skipIf(imagesDir === undefined)(
  "copies of one golden state (MAYFLY_TEST_IMAGES_DIR says where the image is)",
  () => {
    let lab: QemuLab;
    const seen: Seen[] = [];
    const complaints: string[] = [];

    beforeAll(async () => {
      lab = await createQemuLab(await findImage(imagesDir ?? "", "debian-12"));
      const driver = lab.createDriver("us");
      const end = async ({ ready, instance }: Clone): Promise<void> => {
        ready.channel.close();
        await driver.terminate([instance.providerId], never);
      };
      const launch = (name: string, index: number) => launchClone(driver, guest, { name, limits: limitsOf(index) });
      // From the second on at the latest, all of them are copies.
      for (let count = 0, origin = "booted"; origin === "booted" && count < TRIES; count += 1) {
        const clone = await launch(`m-first${count}`, 0);
        origin = clone.instance.origin ?? "booted";
        await end(clone);
      }
      let next = 0;
      const work = async (): Promise<void> => {
        for (let index = next++; index < CLONES; index = next++) {
          const clone = await launch(`m-clone${index}`, index);
          seen[index] = await lookAt(clone);
          // Nobody else's host key will do; one of them tells it of all, whose keys are compared.
          if (index === 0) {
            const foreign = { ...clone.keys, host: guest.createKeys("m-other").host };
            await guest
              .connect(clone.address, foreign, CLONE_SETTINGS, never)
              .catch((error: unknown) => complaints.push((error as { code?: string }).code ?? String(error)));
          }
          await end(clone);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
    });
    afterAll(() => lab.close());

    it("are restored, every one, and each shows the host key that was made for it alone", () => {
      expect(seen.map(({ origin }) => origin)).toEqual(Array.from({ length: CLONES }, () => "restored"));
      expect(complaints).toEqual(["host-key-changed"]);
    });

    it("share nothing of what makes each itself", () => {
      const items = [...(seen[0]?.identity.keys() ?? [])];
      const alike = items.filter((item) => new Set(seen.map(({ identity }) => identity.get(item))).size < CLONES);
      const unread = seen.flatMap(({ identity }) => [...identity].filter(([, is]) => is === ""));

      expect(unread).toEqual([]);
      expect(alike).toEqual([]);
      expect(items.length).toBeGreaterThan(15);
    });

    it("are called what they were told", () => {
      const names = seen.map(({ identity }) =>
        ["hostname", "hostname on disk", "name at cloud-init"].map((item) => identity.get(item)),
      );

      expect(names).toEqual(seen.map((_, index) => Array.from({ length: 3 }, () => `m-clone${index}`)));
    });

    it(`read ${RANDOM_BYTES} bytes of their random devices, of which no block of ${BLOCK_BYTES} is in two`, () => {
      const blocks = new Set<string>();
      for (const { random } of seen)
        for (let at = 0; at < RANDOM_BYTES; at += BLOCK_BYTES)
          blocks.add(random.toString("latin1", at, at + BLOCK_BYTES));

      expect(seen.map(({ random }) => random.length)).toEqual(seen.map(() => RANDOM_BYTES));
      expect(blocks.size).toBe((CLONES * RANDOM_BYTES) / BLOCK_BYTES);
    });

    it("know what time it is", () => {
      const wrong = seen.map(({ clocks: [before, its, after] }) => Math.max(before - its, its - after));

      // As exactly as a boot learns it from the machine's clock of whole seconds, on a host that is busy with others.
      expect(wrong.filter((seconds) => seconds > MOST_WRONG_S)).toEqual([]);
    });

    it("end themselves at deadlines of their own, counted from when they woke", () => {
      const left = seen.map(({ deadlines: { orphanAtMs, lifetimeAtMs, nowMs } }, index) => {
        const { orphanTimeoutMs, lifetimeMs } = limitsOf(index);
        return [orphanTimeoutMs - (orphanAtMs - nowMs), lifetimeMs - (lifetimeAtMs - nowMs)];
      });

      // Of neither deadline more than a step has passed: no other one's would do.
      expect(left.flat().filter((passedMs) => !(passedMs >= 0 && passedMs < 10 * MINUTE_MS))).toEqual([]);
    });
  },
);

describe.skipIf(imagesDir === undefined)(
  "a copy that cannot become itself (MAYFLY_TEST_IMAGES_DIR says where the image is)",
  () => {
    it("is given up for a boot, with a warning, and its golden state with it", async () => {
      const ownDir = await ownImagesDir(imagesDir ?? "");
      const lab = await createQemuLab(await findImage(ownDir, "debian-12"), { imagesDir: ownDir });
      try {
        const warnings: Warning[] = [];
        const driver = lab.createDriver("us", { logger: warningsInto(warnings) });
        const stranger = { path: "/etc/stranger", content: "", mode: 0o600, owner: "nobody-here" };
        const changed: Parameters<typeof launchClone>[2]["changed"] = (identity) => ({
          ...identity,
          files: [...identity.files, stranger],
        });

        const startedAt = Date.now();
        const { ready, instance } = await launchClone(driver, guest, { name: "m-odd", limits: limitsOf(0), changed });

        expect(instance.origin).toBe("booted");
        expect(warnings).toEqual([
          {
            message: "could not restore a machine, boots it",
            problem: expect.stringMatching(/the guest said "mayfly-wake: failed: no account nobody-here/) as string,
          },
        ]);
        expect((await outputOf(ready, "hostname")).toString()).toBe("m-odd\n");
        // Other tests use other states meanwhile, whose files these are too.
        const ofItsShape = (await listGolden(ownDir)).filter(({ cpus }) => cpus === CLONE_SHAPE.cpus);
        expect(ofItsShape.filter(({ usedAt }) => usedAt >= startedAt)).toEqual([]);
        ready.channel.close();
      } finally {
        await lab.close();
        await rm(ownDir, { recursive: true, force: true });
      }
    });
  },
);

async function lookAt(clone: Clone): Promise<Seen> {
  const before = Date.now() / 1000;
  const its = Number(await outputOf(clone.ready, "date +%s.%N"));
  const clocks = [before, its, Date.now() / 1000] as const;
  const deadlines = await deadlinesOf(clone.ready);
  // That it can be told that its manager lives, too, was not asked before it was ready.
  await guest.probe(clone.ready, never);
  return {
    ...{ origin: clone.instance.origin, clocks, deadlines },
    identity: await identityOf(clone),
    random: await randomBytesOf(clone, RANDOM_BYTES),
  };
}
