import type { AcceleratorEvidence } from "../drivers/qemu/accelerator.ts";
import type { Check } from "./check.ts";
import { checkSpeed } from "./checkSpeed.ts";

/** Says which accelerators work on this host, with which machines run, and what they should attain by it. @param seen the fastest first. */
export function checkAccelerators(seen: readonly AcceleratorEvidence[]): readonly Check[] {
  const chosen = seen.find((one) => one.works);
  const checks = seen.map(({ name, works, evidence }) => {
    const detail = `${evidence}${name === chosen?.name ? "; machines run with it" : ""}`;
    if (works) return { name: `accelerator ${name}`, status: "ok", detail } as const;
    const fix =
      name === "kvm"
        ? "a host with KVM, or /dev/kvm readable for this user, makes machines 10 to 20 times faster"
        : undefined;
    return { name: `accelerator ${name}`, status: name === "tcg" ? "fail" : "warn", detail, fix } as const;
  });
  return [...checks, ...checkSpeed(chosen?.name)];
}
