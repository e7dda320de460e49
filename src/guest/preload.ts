import { readTemplate } from "./templates.ts";

/** Extracting is what takes long: 480 MB took 204 s under software emulation (November 2026). */
const DEADLINE_S = 900;
const SCRIPT = "/run/mayfly-preload.sh";
const UNIT = "mayfly-preload.service";
/** Ends each file in the command; no line of one. */
const END = "mayfly-end";

/**
 * Renders the command that has a machine pull images before it is saved, to be run while it boots. It waits for nothing.
 * @param images names by Docker's grammar, which have no character that means something to a shell or to systemd.
 */
export async function preloadCommandFrom(images: readonly string[]): Promise<string[]> {
  const [script, unit] = [await readTemplate("preload/preload.sh"), await readTemplate(`preload/${UNIT}`)];
  const start = `TimeoutStartSec=${DEADLINE_S}\nExecStart=/bin/sh ${SCRIPT} ${images.join(" ")}\n`;
  const files = [
    [SCRIPT, script],
    [`/run/systemd/system/${UNIT}`, unit + start],
  ] as const;
  const written = files.map(([path, content]) => `cat >${path} <<'${END}'\n${content}${END}\n`);
  return ["sh", "-c", `mkdir -p /run/systemd/system\n${written.join("")}systemctl start --no-block ${UNIT}\n`];
}
