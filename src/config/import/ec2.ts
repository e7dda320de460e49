import { ec2Schema } from "../ec2.ts";
import type { DraftLine, TomlValue } from "./draft.ts";
import { fromSetting } from "./draft.ts";
import type { Notes, Origin } from "./notes.ts";

type Ec2Key = keyof typeof ec2Schema.shape;

/** Ids that no account has: EC2 refuses the first launch by the setting's name, and `config check` takes them. */
const PLACEHOLDERS = {
  region: "us-east-1",
  ami: "ami-00000000",
  instance_types: ["m7i.large"],
  subnets: ["subnet-00000000"],
  security_groups: ["sg-00000000"],
  market: "on-demand",
} as const satisfies Partial<Record<Ec2Key, TomlValue>>;

const NEEDS: Readonly<Record<keyof typeof PLACEHOLDERS, string>> = {
  region: "the region of the machines",
  ami: "the image of the machines: a stock image of Debian or Ubuntu, or one by `mayfly image build --driver ec2`",
  instance_types: "the instance types, any of which will do",
  subnets: "the ids of the subnets, any of which will do",
  security_groups: "the ids of the security groups: the manager must reach port 22, and nothing else",
  market: "how machines are paid for: on-demand, spot or spot-first",
};

/** Gathers the lines of one [pool.ec2]. */
export interface Ec2Draft {
  /** Takes a value over, if mayfly takes it too; answers whether it does. */
  set(key: Ec2Key, value: TomlValue, origin: Origin, text?: string): boolean;
  /** All lines, with a placeholder and a note for each that is missing. */
  lines(owner: Origin): DraftLine[];
}

/** Creates an empty [pool.ec2]. */
export function createEc2Draft(notes: Notes): Ec2Draft {
  const byKey = new Map<Ec2Key, DraftLine>();
  return {
    set(key, value, origin, text) {
      const parsed = ec2Schema.shape[key].safeParse(value);
      if (!parsed.success) {
        const rule = parsed.error.issues[0]?.message ?? "something else";
        notes.add("lost", origin, `\`pool.ec2.${key}\` must be ${rule}`);
        return false;
      }
      byKey.set(key, { key, value, why: fromSetting(origin) });
      notes.add(
        text === undefined ? "became" : "changed",
        origin,
        `pool.ec2.${key}${text === undefined ? "" : `: ${text}`}`,
      );
      return true;
    },
    lines(owner) {
      for (const key of Object.keys(PLACEHOLDERS) as (keyof typeof PLACEHOLDERS)[]) {
        if (byKey.has(key)) continue;
        byKey.set(key, { key, value: PLACEHOLDERS[key], why: `FILL IN: ${NEEDS[key]}` });
        notes.add("missing", { place: owner.place, name: `pool.ec2.${key}` }, `fill in ${NEEDS[key]}`);
      }
      const order = Object.keys(ec2Schema.shape);
      return [...byKey.values()].sort((a, b) => order.indexOf(a.key) - order.indexOf(b.key));
    },
  };
}
