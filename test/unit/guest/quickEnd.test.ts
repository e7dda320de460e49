import { once } from "node:events";
import { text } from "node:stream/consumers";
import ssh2 from "ssh2";
import { expect, it } from "vitest";
import { systemClock } from "../../../src/daemon/clock.ts";
import { machineIdFrom } from "../../../src/domain/ids.ts";
import { openChannel } from "../../../src/guest/handshake.ts";
import { createKeys } from "../../../src/guest/keys.ts";
import { portOf } from "../../support/ports.ts";

const always = new AbortController().signal;
const keys = createKeys(machineIdFrom("machine-quick"));

it("tells the exit of a command whose end comes in one piece with its beginning", async () => {
  const server = new ssh2.Server({ hostKeys: [keys.host.privateKey] }, (client) => {
    client.on("error", () => {});
    client.on("authentication", (context) => context.accept());
    client.on("session", (acceptSession) =>
      acceptSession().on("exec", (acceptCommand) => {
        const stream = acceptCommand();
        stream.write("done\n");
        stream.exit(7);
        stream.end();
      }),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = { host: "127.0.0.1", port: portOf(server) };
  const channel = await openChannel(address, keys, "runner", 5_000, systemClock, always);

  const { stdout, stderr, exited } = await channel.exec("true", {}, always);
  stderr.resume();

  expect(await text(stdout)).toBe("done\n");
  expect(await exited).toEqual({ exitCode: 7 });
  channel.close();
  server.close();
});
