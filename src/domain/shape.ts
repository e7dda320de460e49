/** What a machine of the QEMU driver is made of. */
export interface QemuShape {
  readonly driver: "qemu";
  /** Name of a guest image that `mayfly image build` made. @default "debian-12" */
  readonly image: string;
  /** Virtual processors, 1-64. */
  readonly cpus: number;
  /** Guest memory in MiB, ≥ 256. */
  readonly memoryMiB: number;
  /** Virtual size of the root disk in GiB, ≥ the image's own size. */
  readonly diskGiB: number;
}

/** What a simulated machine is made of: nothing. */
export interface SimulatedShape {
  readonly driver: "simulated";
}

/** What machines of a pool are made of, per driver. A new driver adds its shape here. */
export type MachineShape = QemuShape | SimulatedShape;
export type DriverName = MachineShape["driver"];
