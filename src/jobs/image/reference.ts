const DEFAULT_REGISTRY = "docker.io";

/** The parts of an image's name, e.g. `registry.example.com:5000/group/app:1.2@sha256:…`. */
export interface ImageReference {
  /** Host and port, `docker.io` where the name has none. */
  readonly registry: string;
  /** Path within the registry, with Docker Hub's `library/`. */
  readonly repository: string;
  readonly tag?: string | undefined;
  readonly digest?: string | undefined;
}

/** Takes an image's name apart by Docker's rules. */
export function referenceFrom(image: string): ImageReference {
  const [named = "", digest] = image.split("@");
  const tag = /:([^/:]*)$/.exec(named)?.[1];
  const path = tag === undefined ? named : named.slice(0, -tag.length - 1);
  const [first = "", ...rest] = path.split("/");
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  const registry = hasRegistry ? first : DEFAULT_REGISTRY;
  const local = hasRegistry ? rest.join("/") : path;
  const isOfficial = registry === DEFAULT_REGISTRY && !local.includes("/");
  return { registry, repository: isOfficial ? `library/${local}` : local, tag, digest };
}

/** The name with the tag that Docker means when there is none: without one, the engine would pull every tag. */
export function taggedName(image: string): string {
  const { tag, digest } = referenceFrom(image);
  return tag === undefined && digest === undefined ? `${image}:latest` : image;
}

/** Tells whether an image is a Docker engine of its own: `docker:dind`, `docker:24-dind`, `group/docker-dind:1`. */
export function isDindImage(image: string): boolean {
  const { repository, tag } = referenceFrom(image);
  const name = repository.split("/").at(-1) ?? "";
  return name.includes("dind") || (name === "docker" && (tag ?? "").includes("dind"));
}
