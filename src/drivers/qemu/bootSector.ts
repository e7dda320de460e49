/**
 * A guest of 512 bytes: from real mode it makes page tables, enters long mode, says `mayfly` on the debug console (port 0xe9)
 * and asks QEMU to exit (port 0xf4). It goes as far as a kernel's first steps, since there are hosts whose KVM answers every
 * call and runs no ordinary guest beyond them (kvm_pvm). In short, in AT&T syntax:
 *
 *     .code16  cli; segments = 0; sp = 0x7c00
 *              zero 0x1000-0x3fff; [0x1000] = 0x2003; [0x2000] = 0x3003; [0x3000] = 0x83   (identity map of 2 MiB)
 *              cr4 |= PAE; cr3 = 0x1000; EFER |= LME; lgdt gdtr; cr0 |= PG | PE; ljmp $8, $long
 *     .code64  long: rep outsb msg → 0xe9; outb $0x10 → 0xf4; hlt
 *     gdt: .quad 0, 0x00af9a000000ffff      msg: .ascii "mayfly"
 */
const CODE =
  "fa31c08ed88ec08ed0bc007cfcbf00106631c0b9000c66f3ab66c70600100320000066c70600200330000066c706003083000000" +
  "0f20e06683c8200f22e066b8001000000f22d866b9800000c00f32660d000100000f300f0116987c0f20c0660d010000800f22c0" +
  "ea6d7c0800be9e7c0000b90600000066bae900f36e66baf400b010eef4ebfd90" +
  "0000000000000000ffff0000009aaf000f00887c00006d6179666c79";

/** What the guest says when it has come through. */
export const SIGN_OF_LIFE = "mayfly";

/** The boot sector's bytes, with the signature that makes it one. */
export function bootSector(): Uint8Array {
  const sector = new Uint8Array(512);
  sector.set(Buffer.from(CODE, "hex"));
  sector.set([0x55, 0xaa], 510);
  return sector;
}
