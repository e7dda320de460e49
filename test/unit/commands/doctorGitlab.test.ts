import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { checkGitlabFiles } from "../../../src/commands/doctorGitlab.ts";
import { parseConfig } from "../../../src/config/parse.ts";

it("looks at the files of tokens without showing what they hold, and says nothing where there are none", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-doctor-gitlab-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [hook, api] = [join(folder, "hook"), join(folder, "api")];
  const config = (text: string) => parseConfig(text, "mayfly.toml", "/var/lib/mayfly");
  const both = config(
    `[gitlab]\nlisten = "8095"\nwebhook_token_file = "${hook}"\nurl = "https://gitlab.test"\ntoken_file = "${api}"\nprojects = ["7"]\n`,
  );
  await writeFile(hook, "s3cret-of-webhooks-for-all", { mode: 0o644 });
  const wrong = await checkGitlabFiles(both);
  await rm(hook);
  await writeFile(hook, "s3cret-of-webhooks", { mode: 0o600 });
  await writeFile(api, "glpat-s3cret-of-the-api\n", { mode: 0o600 });
  const right = await checkGitlabFiles(both);

  expect(wrong.map(({ status, detail }) => [status, detail])).toEqual([
    ["warn", `gitlab.webhook_token_file ${hook} is open to every account; chmod 600 it`],
    ["warn", `gitlab.token_file ${api} cannot be read (ENOENT)`],
  ]);
  expect(right.map(({ status }) => status)).toEqual(["ok", "ok"]);
  expect(JSON.stringify([wrong, right])).not.toContain("s3cret");
  expect(await checkGitlabFiles(config(""))).toEqual([]);
});
