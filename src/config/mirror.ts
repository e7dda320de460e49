import * as z from "zod";
import { absolutePath, endpointUrl, mirrorUrl, size } from "./fields.ts";
import { listenAddress, placeFrom } from "./listen.ts";

/** Where Docker Hub's registry answers. */
const DOCKER_HUB = "https://registry-1.docker.io";
/** Debian's docker-registry package serves on 5000 by itself. */
const DEFAULT_LISTEN = "127.0.0.1:5050";
/** QEMU's own name for the loopback address of its host, in the network of a guest. Source: QEMU's documentation of `-netdev user`. */
const HOST_OF_GUESTS = "10.0.2.2";
/** Addresses that a service listens on which guests find under that name. */
const LOOPBACK_OR_ALL = ["127.0.0.1", "localhost", "0.0.0.0", "::"];

/** What `[mirror]` may hold. */
export const mirrorSchema = z.strictObject(
  {
    listen: listenAddress().prefault(DEFAULT_LISTEN),
    url: mirrorUrl().optional(),
    upstream: endpointUrl().prefault(DOCKER_HUB),
    credentials_file: absolutePath().optional(),
    max_size: size(2 ** 20, 64, 2 ** 24).prefault("20GiB"),
    program: absolutePath().optional(),
  },
  { error: "a table" },
);

/** A registry that the daemon runs, and that fetches what it does not have from another one. */
export interface MirrorConfig {
  readonly listen: { readonly host: string; readonly port: number };
  /** What machines that are not on this host reach it by. @default they are given none */
  readonly url?: string | undefined;
  /** The registry that it mirrors. */
  readonly upstream: string;
  /** Holds one line, `USER:PASSWORD`, for the upstream; read at each start of the registry. @default none */
  readonly credentialsFile?: string | undefined;
  /** Bound of its cache, in MiB, ≥ 64. */
  readonly maxSizeMiB: number;
  /** Path of the registry's program. @default `docker-registry` or `registry` on the PATH */
  readonly program?: string | undefined;
}

/** Reads the table once it is known to be right. */
export function mirrorFrom(mirror: z.output<typeof mirrorSchema> | undefined): MirrorConfig | undefined {
  if (mirror === undefined) return undefined;
  const { listen, url, upstream, credentials_file: credentialsFile, max_size: maxSizeMiB, program } = mirror;
  return { listen: placeFrom(listen), url, upstream, credentialsFile, maxSizeMiB, program };
}

/** The mirror as machines of a driver reach it; undefined where they do not. */
export function mirrorUrlFor(driver: "qemu" | "ec2", mirror: MirrorConfig | undefined): string | undefined {
  if (mirror === undefined || driver === "ec2") return mirror?.url;
  const { host, port } = mirror.listen;
  const reached = LOOPBACK_OR_ALL.includes(host) ? HOST_OF_GUESTS : host;
  return `http://${reached.includes(":") ? `[${reached}]` : reached}:${port}`;
}

/** Tells whether an address is of the kind that only its own host reaches, and not by the name that guests have for it. */
export const isUnreachableLoopback = (host: string): boolean =>
  (host.startsWith("127.") && !LOOPBACK_OR_ALL.includes(host)) || host === "::1";
