import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import type { Header } from "tar-stream";

/** What the engine of every machine can run without any registry. */
const BUSYBOX_TAG = "mayfly/busybox:latest";

/** One entry of a tar. */
interface Entry {
  readonly header: Partial<Header> & Pick<Header, "name">;
  readonly content?: Buffer | undefined;
}

/**
 * Writes an archive for `docker load`: one image of a static busybox with a link for each of its applets, started as `sh`.
 * Source of the format: https://github.com/moby/docker-image-spec.
 */
export async function writeBusyboxArchive(
  busybox: Buffer,
  applets: readonly string[],
  tarPath: string,
  signal: AbortSignal,
): Promise<void> {
  const layer = await tarOf(layerEntries(busybox, applets));
  const config = Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      config: { Cmd: ["sh"], Env: ["PATH=/bin"] },
      rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] },
      history: [{ created_by: "busybox-static of Debian" }],
    }),
  );
  const configName = `${sha256(config)}.json`;
  const manifest = [{ Config: configName, RepoTags: [BUSYBOX_TAG], Layers: ["layer.tar"] }];
  const entries = [
    file(configName, config),
    file("layer.tar", layer),
    file("manifest.json", Buffer.from(JSON.stringify(manifest))),
  ];
  await pipeline(tarFrom(entries), createWriteStream(tarPath), { signal });
}

function layerEntries(busybox: Buffer, applets: readonly string[]): Entry[] {
  const links = applets.filter((applet) => applet !== "busybox" && /^[\w[.-]+$/.test(applet));
  return [
    ...["bin", "etc", "root", "usr", "usr/bin", "var"].map((name) => folder(name, 0o755)),
    folder("tmp", 0o1777),
    folder("var/www", 0o755),
    file("bin/busybox", busybox, 0o755),
    ...links.map((name): Entry => link(`bin/${name}`, "busybox")),
    // Scripts name it by this path.
    link("usr/bin/env", "../../bin/busybox"),
    file("etc/passwd", Buffer.from("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")),
    file("etc/group", Buffer.from("root:x:0:\nnogroup:x:65534:\n")),
  ];
}

/** No time of now in it: the same program gives the same bytes. */
const common = { mtime: new Date(0), uid: 0, gid: 0 };
const folder = (name: string, mode: number): Entry => ({ header: { ...common, name, mode, type: "directory" } });
const link = (name: string, linkname: string): Entry => ({ header: { ...common, name, linkname, type: "symlink" } });
const file = (name: string, content: Buffer, mode = 0o644): Entry => ({
  header: { ...common, name, mode, type: "file", size: content.length },
  content,
});

async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of tarFrom(entries)) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

function tarFrom(entries: readonly Entry[]): ReturnType<typeof pack> {
  const tar = pack();
  for (const { header, content } of entries) {
    if (content === undefined) tar.entry(header);
    else tar.entry(header, content);
  }
  tar.finalize();
  return tar;
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
