import type { Problem } from "../domain/errors.ts";
import { MAX_OFFERINGS } from "./ec2.ts";
import { checkGitlab } from "./gitlabRules.ts";
import { checkListen } from "./listenRules.ts";
import { checkMirror } from "./mirrorRules.ts";
import { integerAt, valueAt } from "./problems.ts";
import type { PlaceOf } from "./problems.ts";
import { checkPolicy, checkShadows } from "./shadowRules.ts";
import { MAX_SOCKET_BYTES } from "./socketPath.ts";
import type { Path } from "./toml.ts";

/**
 * Checks the rules that bind several values. Runs on documents that break other rules too, so that all problems show
 * at once, and looks only at values of the right type.
 * @param filled the document with its defaults.
 * @param hasKey whether the file itself holds a key.
 */
export function checkRules(filled: unknown, placeOf: PlaceOf, hasKey: (path: Path) => boolean): Problem[] {
  const list = valueAt(filled, ["pool"]);
  const pools: readonly unknown[] = Array.isArray(list) ? list : [];
  return [
    ...pools.flatMap((pool, index) => [
      ...checkPolicy({ table: pool, at: ["pool", index], name: "pool" }, placeOf, hasKey),
      ...checkShadows(pool, index, placeOf, hasKey),
      ...checkStoppedCount(pool, index, placeOf),
      ...checkUniqueName(pools, index, placeOf),
      ...checkEc2(pool, index, placeOf),
      ...checkEngine(pool, index, placeOf),
    ]),
    ...checkIdleSum(filled, pools, placeOf),
    ...checkSocket(filled, placeOf, hasKey),
    ...checkListen(filled, placeOf),
    ...checkMirror(filled, placeOf),
    ...checkGitlab(filled, placeOf),
  ];
}

/** A stopped spot machine needs a persistent request, which would launch another one, unknown to us, in the place of each that ends. */
function checkStoppedCount(pool: unknown, index: number, placeOf: PlaceOf): Problem[] {
  const itemsOf = (key: string, under: Path): Path[] => {
    const items = valueAt(pool, [...under, key]);
    return Array.isArray(items) ? items.map((_, at) => [...under, key, at]) : [];
  };
  const wishes: readonly Path[] = [[], ...itemsOf("shadow", [])].flatMap((path) => [
    path,
    ...itemsOf("schedule", path),
  ]);
  const keeping = wishes.find((path) => (integerAt(valueAt(pool, path), "stopped_count") ?? 0) > 0);
  if (keeping === undefined) return [];
  const name = ["pool", ...keeping.filter((key) => typeof key === "string"), "stopped_count"].join(".");
  const driver = valueAt(pool, ["driver"]);
  if (driver !== "ec2") {
    const stoppedCount = integerAt(valueAt(pool, keeping), "stopped_count");
    const message = `Expected \`${name}\` to be 0 in a pool of driver "${driver}", whose machines cannot be stopped, got ${stoppedCount}`;
    return [{ place: placeOf(["pool", index, ...keeping, "stopped_count"]), message }];
  }
  const market = valueAt(pool, ["ec2", "market"]);
  if (market !== "spot" && market !== "spot-first") return [];
  const message = `Expected \`pool.ec2.market\` to be "on-demand" in a pool with \`${name}\` above 0, since spot machines cannot be stopped and started again, got "${market}"`;
  return [{ place: placeOf(["pool", index, "ec2", "market"]), message }];
}

function checkUniqueName(pools: readonly unknown[], index: number, placeOf: PlaceOf): Problem[] {
  const name = valueAt(pools[index], ["name"]);
  const first = pools.findIndex((pool) => valueAt(pool, ["name"]) === name);
  if (typeof name !== "string" || first === index) return [];
  const message = `Expected \`pool.name\` to be unique, got "${name}" again (first at ${placeOf(["pool", first, "name"])})`;
  return [{ place: placeOf(["pool", index, "name"]), message }];
}

function checkEc2(pool: unknown, index: number, placeOf: PlaceOf): Problem[] {
  const table = valueAt(pool, ["ec2"]);
  if (valueAt(pool, ["driver"]) !== "ec2") {
    if (table === undefined) return [];
    const message = 'Expected `pool.driver` to be "ec2" in a pool that has [pool.ec2]';
    return [{ place: placeOf(["pool", index, "ec2"]), message }];
  }
  if (valueAt(pool, ["qemu"]) !== undefined) {
    const message = 'Expected `pool.driver` to be "qemu" in a pool that has [pool.qemu]';
    return [{ place: placeOf(["pool", index, "qemu"]), message }];
  }
  if (table === undefined) {
    const message =
      'Expected [pool.ec2] in a pool of driver "ec2": it says the region, the image, the types and the network';
    return [{ place: placeOf(["pool", index, "driver"]), message }];
  }
  const [types, subnets] = [lengthAt(table, "instance_types"), lengthAt(table, "subnets")];
  if (types * subnets <= MAX_OFFERINGS) return [];
  const message = `Expected \`pool.ec2.instance_types\` times \`pool.ec2.subnets\` to be at most ${MAX_OFFERINGS}, got ${types} times ${subnets}`;
  return [{ place: placeOf(["pool", index, "ec2", "instance_types"]), message }];
}

/** Images of ours hold the engine, and nothing in them that would install another. */
function checkEngine(pool: unknown, index: number, placeOf: PlaceOf): Problem[] {
  if (valueAt(pool, ["driver"]) !== "qemu" || valueAt(pool, ["guest", "engine"]) !== "install") return [];
  const message = 'Expected `pool.guest.engine` to be "baked" in a pool of driver "qemu", got "install"';
  return [{ place: placeOf(["pool", index, "guest", "engine"]), message }];
}

function lengthAt(table: unknown, key: string): number {
  const value = valueAt(table, [key]);
  return Array.isArray(value) ? value.length : 0;
}

function checkIdleSum(filled: unknown, pools: readonly unknown[], placeOf: PlaceOf): Problem[] {
  const maxMachines = integerAt(filled, "max_machines");
  const sumOf = (key: string): number => pools.reduce<number>((total, pool) => total + (integerAt(pool, key) ?? 0), 0);
  const stopped = sumOf("stopped_count");
  const sum = sumOf("idle_count") + stopped;
  if (maxMachines === undefined || maxMachines < 1 || sum <= maxMachines) return [];
  const what = stopped > 0 ? "`pool.idle_count` and `pool.stopped_count`" : "`pool.idle_count`";
  const message = `Expected \`max_machines\` to be at least the sum of all ${what} (${sum}), got ${maxMachines}`;
  return [{ place: placeOf(["max_machines"]), message }];
}

function checkSocket(filled: unknown, placeOf: PlaceOf, hasKey: (path: Path) => boolean): Problem[] {
  const socket = valueAt(filled, ["api", "socket"]);
  if (typeof socket !== "string" || Buffer.byteLength(socket) <= MAX_SOCKET_BYTES) return [];
  const rule = `at most ${MAX_SOCKET_BYTES} bytes long, as the system demands, got ${Buffer.byteLength(socket)}: "${socket}"`;
  if (hasKey(["api", "socket"])) {
    return [{ place: placeOf(["api", "socket"]), message: `Expected \`api.socket\` to be ${rule}` }];
  }
  const message = `Expected the default of \`api.socket\` to be ${rule}; set a shorter \`api.socket\``;
  return [{ place: placeOf(["state_dir"]), message }];
}
