import { expect, it } from "vitest";
import { checkAccelerators } from "../../../src/host/checkAccelerators.ts";

const works = (name: "kvm" | "tcg") => ({ name, works: true, evidence: `${name}: a guest spoke` });
const fails = (name: "kvm" | "tcg") => ({ name, works: false, evidence: `${name}: no guest spoke` });

it("offers the bench, with its goals, on a host where hardware runs machines", () => {
  const checks = checkAccelerators([works("kvm"), works("tcg")]);

  expect(checks.map(({ name, status }) => `${name} ${status}`)).toEqual([
    "accelerator kvm ok",
    "accelerator tcg ok",
    "speed ok",
  ]);
  expect(checks[0]?.detail).toBe("kvm: a guest spoke; machines run with it");
  expect(checks[2]?.detail).toMatch(/ready within 150 ms, .* within 50 ms; .*`npm run bench -- --only restore,claim`/);
});

it("offers nothing where machines are emulated, and says what would make them faster", () => {
  const checks = checkAccelerators([fails("kvm"), works("tcg")]);

  expect(checks).toEqual([
    expect.objectContaining({ name: "accelerator kvm", status: "warn", fix: expect.stringContaining("/dev/kvm") }),
    { name: "accelerator tcg", status: "ok", detail: "tcg: a guest spoke; machines run with it" },
  ]);
});

it("fails where QEMU runs no guest at all", () => {
  expect(checkAccelerators([fails("kvm"), fails("tcg")]).map(({ status }) => status)).toEqual(["warn", "fail"]);
});
