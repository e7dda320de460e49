/** EC2 days that once broke a promise, each with what it showed. They are lived through again on every run. */
export const FAILED_EC2_SEEDS: readonly { readonly seed: number; readonly why: string }[] = [
  { seed: 39, why: "a spot market may take back more while it is left alone" },
  { seed: 42, why: "a check of these days was too strict; the day itself is right" },
];
