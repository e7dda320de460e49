import { expect, it } from "vitest";
import { CapacityError, SystemError } from "../../../../src/domain/errors.ts";
import { AddressTakenError, errorFrom, startErrorFrom } from "../../../../src/drivers/qemu/errors.ts";

const errnoError = (code: string): Error => Object.assign(new Error(code), { code });

it.each([
  ["Could not set up host forwarding rule 'tcp:127.1.2.3:22-:22'", AddressTakenError, "address-taken"],
  ["cannot set up guest memory 'pc.ram': Cannot allocate memory", CapacityError, "no-memory"],
  ["Could not write: No space left on device", CapacityError, "no-disk"],
  ["-machine q36: unsupported machine type", SystemError, "qemu-failed"],
  ["", SystemError, "qemu-failed"],
])("classifies QEMU's last words: %s", (log, type, code) => {
  const error = startErrorFrom(`qemu-system-x86_64: ${log}\n`, "1");

  expect(error).toBeInstanceOf(type);
  expect(error).toMatchObject({ code });
  expect(error.message).toContain(log);
});

it("names the Debian packages when a program is missing", () => {
  expect(errorFrom(errnoError("ENOENT"), "qemu-img")).toMatchObject({
    code: "qemu-missing",
    message: "qemu-img is not installed: apt-get install qemu-system-x86 qemu-utils",
  });
});

it("takes a full disk as want of room", () => {
  expect(errorFrom(errnoError("ENOSPC"))).toMatchObject({ code: "no-disk" });
});

it("leaves errors that it does not know, and our own, as they are", () => {
  const [unknown, ours] = [errnoError("EIO"), new SystemError("x", "y")];

  expect(errorFrom(unknown, "qemu-img")).toBe(unknown);
  expect(errorFrom(ours)).toBe(ours);
});
