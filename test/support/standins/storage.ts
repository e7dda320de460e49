import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";

/** The file system under Debian's docker-registry; its layout is described in distribution's registry/storage/paths.go. */
export interface Storage {
  readonly root: string;
}

/** Content that a manifest names. */
export interface Descriptor {
  readonly mediaType: string;
  readonly size: number;
  readonly digest: string;
}

/** The path of a blob's bytes. */
export function blobPath({ root }: Storage, digest: string): string {
  const hex = digest.replace("sha256:", "");
  return join(root, "docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
}

/** Moves a file into the storage, without a copy. */
export async function storeFile(storage: Storage, path: string, mediaType: string): Promise<Descriptor> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  const digest = `sha256:${hash.digest("hex")}`;
  const { size } = await stat(path);
  const target = blobPath(storage, digest);
  await mkdir(dirname(target), { recursive: true });
  await rename(path, target);

  return { mediaType, size, digest };
}

/** Stores a JSON document. */
export async function storeJson(storage: Storage, document: unknown, mediaType: string): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(document));
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  await writeAt(blobPath(storage, digest), bytes);

  return { mediaType, size: bytes.length, digest };
}

/** Makes an image pullable: links its manifest, under each of its tags, and the blobs that the manifest names. */
export async function linkImage(
  { root }: Storage,
  image: { repository: string; tags: readonly string[]; manifest: Descriptor; blobs: readonly Descriptor[] },
): Promise<void> {
  const repository = join(root, "docker/registry/v2/repositories", image.repository);
  const { digest } = image.manifest;
  const folders = [
    ...image.blobs.map((blob) => join("_layers", pathFrom(blob.digest))),
    join("_manifests/revisions", pathFrom(digest)),
    ...image.tags.flatMap((tag) => [
      join("_manifests/tags", tag, "current"),
      join("_manifests/tags", tag, "index", pathFrom(digest)),
    ]),
  ];
  const digests = [...image.blobs.map((blob) => blob.digest), ...folders.slice(image.blobs.length).map(() => digest)];
  await Promise.all(
    folders.map((folder, index) => writeAt(join(repository, folder, "link"), digests[index] ?? digest)),
  );
}

function pathFrom(digest: string): string {
  return digest.replace(":", "/");
}

async function writeAt(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}
