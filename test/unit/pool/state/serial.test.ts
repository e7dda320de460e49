import fc from "fast-check";
import { expect, it } from "vitest";
import { createSerial } from "../../../../src/pool/state/serial.ts";

/** Runs functions that each take some turns, and answers what began and ended, in order. */
async function play(abouts: readonly (readonly string[] | undefined)[], turnsOf: (index: number) => number) {
  const serial = createSerial();
  const events: { readonly kind: "begin" | "end"; readonly index: number }[] = [];
  await Promise.all(
    abouts.map((about, index) =>
      serial(async () => {
        events.push({ kind: "begin", index });
        for (let turn = 0; turn < turnsOf(index); turn++) await Promise.resolve();
        events.push({ kind: "end", index });
      }, about),
    ),
  );
  return events;
}

it("lets those about different things be under way together, and nobody before what was asked for earlier about the same", async () => {
  const anyAbout = fc.option(fc.uniqueArray(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 2 }), {
    nil: undefined,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyAbout, { maxLength: 12 }),
      fc.array(fc.nat(9), { minLength: 12 }),
      async (abouts, turns) => {
        const events = await play(abouts, (index) => turns[index] ?? 0);

        const placeOf = (kind: string, index: number): number =>
          events.findIndex((event) => event.kind === kind && event.index === index);
        abouts.forEach((about, later) => {
          for (let earlier = 0; earlier < later; earlier++) {
            const other = abouts[earlier];
            const isSame = about === undefined || other === undefined || about.some((key) => other.includes(key));
            if (isSame) expect(placeOf("end", earlier)).toBeLessThan(placeOf("begin", later));
          }
        });
      },
    ),
  );
  const events = await play([["a"], ["b"]], () => 20);
  expect(events.map(({ kind }) => kind)).toEqual(["begin", "begin", "end", "end"]);
});

it("goes on after one that fails, and tells its caller", async () => {
  const serial = createSerial();

  const failed = serial(async () => Promise.reject(new Error("no")), ["a"]);
  const [same, all] = [serial(async () => 1, ["a"]), serial(async () => 2)];

  await expect(failed).rejects.toThrow("no");
  expect(await Promise.all([same, all])).toEqual([1, 2]);
});
