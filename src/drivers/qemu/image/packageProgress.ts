/** How far the making of a root of packages is. */
export interface PackageProgress {
  /** What is being done now. */
  readonly text: string;
  /** 0-1. */
  readonly fraction: number;
}

/** Shares of the time, measured with mmdebstrap 1.3.5: fetching, unpacking and setting up; the rest is the packing of the disk. */
const SHARES = { fetched: 0.2, unpacked: 0.58, setUp: 0.8 };
/** They come in two rounds, Debian's minimal root and the others, and apt counts each when it comes: 240 in November 2026. */
const TYPICAL_PACKAGES = 240;

/** Reads the lines of `mmdebstrap --verbose`, one after the other; answers where it is when a line says so. */
export function createPackageProgress(): (line: string) => PackageProgress | undefined {
  let counted = 0;
  let expected = TYPICAL_PACKAGES;
  let fetchedBefore = 0;
  let fetched = 0;
  let unpacked = 0;
  let setUp = 0;
  let fraction = 0;

  const at = (text: string, next: number): PackageProgress => {
    // The second round is fetched when the first is set up; a bar that goes back helps nobody.
    fraction = Math.max(fraction, Math.min(1, next));
    return { text, fraction };
  };
  const part = (from: number, to: number, count: number): number => from + (to - from) * Math.min(1, count / expected);

  return (line) => {
    const newly = /(\d+) newly installed/.exec(line)?.[1];
    if (newly !== undefined) {
      counted += Number(newly);
      expected = Math.max(expected, counted);
      fetchedBefore = fetched;
      return undefined;
    }
    const [, number, name] = /^Get:(\d+) \S+ \S+ \S+ ([^\s[]\S*)/.exec(line) ?? [];
    if (number !== undefined && name !== undefined) {
      fetched = fetchedBefore + Number(number);
      return at(`fetching ${name} (${fetched})`, part(0, SHARES.fetched, fetched));
    }
    const unpacking = /^(?:Unpacking|extracting) (\S+)/.exec(line)?.[1];
    if (unpacking !== undefined) {
      unpacked += 1;
      return at(
        `unpacking ${withoutArchitecture(unpacking)} (${unpacked})`,
        part(SHARES.fetched, SHARES.unpacked, unpacked),
      );
    }
    const settingUp = /^Setting up (\S+)/.exec(line)?.[1];
    if (settingUp !== undefined) {
      setUp += 1;
      return at(`setting up ${withoutArchitecture(settingUp)} (${setUp})`, part(SHARES.unpacked, SHARES.setUp, setUp));
    }
    if (/^I: running .*pack\.sh/.test(line)) return at("packing the disk", SHARES.setUp);
    if (/^I: running apt-get update/.test(line)) return at("reading Debian's package lists", 0);
    return undefined;
  };
}

const withoutArchitecture = (name: string): string => name.replace(/:.*$/, "");
