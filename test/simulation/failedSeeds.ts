/** Days that once broke a promise, each with what it showed. They are lived through again on every run. */
export const FAILED_SEEDS: readonly { readonly seed: number; readonly why: string }[] = [
  { seed: 13, why: "a launch may take effect minutes after its machine was given up" },
  { seed: 14, why: "such an instance counts against max_machines" },
  { seed: 1038, why: "a lease may get its machine while the end of its wait is being written down" },
  { seed: 5030, why: "a manager that stood still for half a minute hears its holders late" },
  { seed: 2056, why: "a slow disk takes its time out of what a boot may take" },
  { seed: 57, why: "a job that is given up before any manager has it never comes to be" },
  { seed: 7008, why: "a job may be given up while there is no manager to take it" },
  { seed: 338_988_654, why: "a renewal may be written down for as long as the manager stands still" },
  { seed: 7191, why: "a manager may start while the disk is full" },
  { seed: 100_899, why: "limits may be lowered while a launch that was decided under the old ones is written down" },
  { seed: 400_715, why: "limits may be lowered between a launch's decision and its effect" },
  { seed: 2_007_129_698, why: "a launch may wait for its turn until no time is left for its answer" },
];
