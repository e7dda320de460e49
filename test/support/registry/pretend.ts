/** What looks like docker-registry to who runs it: `node pretend.ts BEHAVIOUR_FILE serve SETTINGS`. Does what the file says then. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { parse } from "yaml";

/** How it behaves: serves; answers that it is sick; gives up when it is to ask its upstream, as one does whose upstream is away; gives up. */
export type Behaviour = "well" | "sick" | "upstream-away" | "broken";

interface Settings {
  readonly http: { readonly addr: string; readonly headers: Readonly<Record<string, readonly string[]>> };
  readonly proxy?: { readonly remoteurl: string };
}

const [behaviourPath = "", , settingsPath = ""] = process.argv.slice(2);
const behaviour = (): string => readFileSync(behaviourPath, "utf8");
const { http, proxy } = parse(readFileSync(settingsPath, "utf8")) as Settings;
const giveUp = (words: string): void => {
  process.stderr.write(`${words}\n\ngoroutine 1 [running]:\n`);
  process.exit(2);
};

if (behaviour() === "broken") giveUp('time="now" level=fatal msg="listen: \\"no\\" such address"');
if (behaviour() === "upstream-away" && proxy !== undefined) giveUp(`panic: Get "${proxy.remoteurl}/v2/": refused`);
const [host, port] = http.addr.split(":");
createServer((_request, response) => {
  response.writeHead(
    behaviour() === "sick" ? 500 : 200,
    Object.fromEntries(Object.entries(http.headers).map(([name, [value]]) => [name, value ?? ""])),
  );
  response.end("{}");
})
  .on("error", (error) => giveUp(`time="now" level=fatal msg="${error.message}"`))
  .listen(Number(port), host);
