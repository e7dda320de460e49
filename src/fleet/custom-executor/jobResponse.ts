import { z } from "zod";
import { SystemError } from "../../domain/errors.ts";

const text = z.string();
const texts = z.array(text).nullish();
const dockerOptions = z.object({ docker: z.object({ user: text.nullish() }).nullish() }).nullish();
const image = {
  name: text,
  entrypoint: texts,
  command: texts,
  pull_policy: texts,
  executor_opts: dockerOptions,
};

/** What of the runner's whole job, in JOB_RESPONSE_FILE, says more than its environment. Unknown keys are left out. */
const jobResponseSchema = z.object({
  image: z.object(image).nullish(),
  services: z
    .array(
      z.object({
        ...image,
        alias: text.nullish(),
        variables: z.array(z.object({ key: text, value: text })).nullish(),
      }),
    )
    .nullish(),
  credentials: z.array(z.object({ type: text, url: text, username: text, password: text })).nullish(),
  artifacts: z.array(z.unknown()).nullish(),
  cache: z.array(z.unknown()).nullish(),
  dependencies: z.array(z.unknown()).nullish(),
  runner_info: z.object({ timeout: z.number().nullish() }).nullish(),
});

export type JobResponse = z.infer<typeof jobResponseSchema>;

/** Reads the runner's job. @throws SystemError that says where it is not as it should be, and shows none of it. */
export function jobResponseFrom(json: string): JobResponse {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    // The parser's own message would quote it, tokens and all.
    throw new SystemError("job-response-invalid", "JOB_RESPONSE_FILE is not JSON");
  }
  const read = jobResponseSchema.safeParse(parsed);
  if (read.success) return read.data;
  const places = read.error.issues.map(({ path, code }) => `${path.join(".")} (${code})`);
  throw new SystemError("job-response-invalid", `JOB_RESPONSE_FILE is not a runner's job: ${places.join(", ")}`);
}
