import type { LayerName } from "./layers.ts";

/** The stand-ins: small images with the behaviour of Docker Hub's, made of Debian's packages. */
export const STAND_IN_NAMES = ["docker", "dind", "nginx", "busybox"] as const;
export type StandInName = (typeof STAND_IN_NAMES)[number];

/** One stand-in: where a registry has it, its layers, and the `config` object of its image. */
export interface StandIn {
  /** Without the registry's name, as Docker Hub's mirrors are asked for it. */
  readonly repository: string;
  readonly tags: readonly string[];
  /** The lowest first. Few: each costs an emulated engine some seconds beside its bytes. */
  readonly layers: readonly LayerName[];
  readonly config: Readonly<Record<string, unknown>>;
}

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const DOCKER_ENV = [PATH, "DOCKER_VERSION=24.0.7", "DOCKER_TLS_CERTDIR=/certs"];

/** Every stand-in, with the settings that https://hub.docker.com/_/docker, /_/nginx and /_/busybox document. */
export const STAND_INS: Readonly<Record<StandInName, StandIn>> = {
  docker: {
    repository: "library/docker",
    tags: ["24.0.7", "24.0.7-cli", "cli"],
    layers: ["docker"],
    config: { Env: DOCKER_ENV, Entrypoint: ["docker-entrypoint.sh"], Cmd: ["sh"] },
  },
  dind: {
    repository: "library/docker",
    tags: ["dind", "24.0.7-dind", "latest"],
    layers: ["docker", "engine"],
    config: {
      Env: DOCKER_ENV,
      Entrypoint: ["dockerd-entrypoint.sh"],
      Cmd: [],
      ExposedPorts: { "2375/tcp": {}, "2376/tcp": {} },
      Volumes: { "/var/lib/docker": {} },
    },
  },
  nginx: {
    repository: "library/nginx",
    tags: ["latest"],
    layers: ["nginx"],
    config: {
      Env: [PATH],
      Cmd: ["nginx", "-g", "daemon off;"],
      ExposedPorts: { "80/tcp": {} },
      StopSignal: "SIGQUIT",
    },
  },
  busybox: {
    repository: "library/busybox",
    tags: ["latest"],
    layers: ["busybox"],
    config: { Env: [PATH], Cmd: ["sh"] },
  },
};
