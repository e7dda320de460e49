import { z } from "@hono/zod-openapi";
import { REQUEST_KEY } from "../../domain/requestKey.ts";
import { ERROR_KINDS } from "../errors.ts";
import { KEY_HEADER } from "../keyHeader.ts";

/** The longest that one question may stay open, in milliseconds. */
const MAX_WAIT_MS = 3_600_000;

export const get = "get" as const;
export const post = "post" as const;

const errorSchema = z
  .object({
    kind: z.enum(ERROR_KINDS).openapi({ description: "What the caller may do about it; the status follows from it" }),
    code: z.string().openapi({ description: "For programs: a stable name, in kebab-case" }),
    message: z.string().openapi({ description: "For people" }),
    problems: z
      .array(z.object({ place: z.string(), message: z.string() }))
      .optional()
      .openapi({ description: "Of `config`: each thing that is wrong with the request, and where" }),
  })
  .openapi("Error");

const failure = (description: string) => ({ description, content: { "application/json": { schema: errorSchema } } });

/** Failures by status; the same words for all routes. */
const FAILURES = {
  400: failure("`config`: the request is not what it should be; sent again, it fails again"),
  404: failure("`not-found`: there is nothing of that name or id"),
  409: failure("`conflict`: it contradicts the state of things"),
  500: failure("`system` or `bug`: the manager or its host cannot do it; its log has more"),
  502: failure("`machine` or `machine-lost`: the machine is unfit, or was lost"),
  503: failure("`capacity` or `transient`: not now; it may be asked again"),
};
type Status = keyof typeof FAILURES;

/** What any route may fail with. */
const ALWAYS = { 500: FAILURES[500], 503: FAILURES[503], default: failure("Any other failure") };

/** Failures that a route names beside those that all have. */
function failures<const S extends Status>(statuses: readonly S[]): Pick<typeof FAILURES, S> & typeof ALWAYS {
  const named = Object.fromEntries(statuses.map((status) => [status, FAILURES[status]])) as Pick<typeof FAILURES, S>;
  return { ...named, ...ALWAYS };
}

/** Responses of a route: JSON on success, an Error else. */
export const answers = <Schema extends z.ZodType, const S extends Status = never>(
  schema: Schema,
  description: string,
  ...statuses: readonly S[]
) => ({ 200: { description, content: { "application/json": { schema } } }, ...failures(statuses) });

/** Responses of a route that carries bytes, or lines, as they come. */
export const streams = <const S extends Status = never>(
  type: string,
  schema: z.ZodType,
  description: string,
  ...statuses: readonly S[]
) => ({ 200: { description, content: { [type]: { schema } } }, ...failures(statuses) });

/** Responses of a route that turns the connection into another protocol. */
export const switches = (description: string) => ({ 101: { description }, ...failures([400, 404, 409, 502]) });

/** What the document says of a route beside its shape: one line, a name that is its own, and the noun that it belongs to. */
export const about = (
  operationId: string,
  tag: "manager" | "pools" | "machines" | "leases" | "jobs" | "docker-machine",
  summary: string,
) => ({
  operationId,
  tags: [tag],
  summary,
});

/** A body of JSON. */
export const jsonBody = <Schema extends z.ZodType>(schema: Schema) => ({
  body: { required: true, content: { "application/json": { schema } } },
});

/** `true` or `false` in a query. */
export const flag = z
  .enum(["true", "false"])
  .default("false")
  .transform((value) => value === "true");
/** The query of a list. */
export const listed = {
  query: z.object({ all: flag.openapi({ description: "Those that have ended too, at most 1,000" }) }),
};
export const byName = { params: z.object({ name: z.string().openapi({ description: "Of the pool" }) }) };
export const byId = { params: z.object({ id: z.string() }) };
/** How long an answer may be waited for. */
export const waitMs = z.coerce
  .number()
  .int()
  .min(0)
  .max(MAX_WAIT_MS)
  .openapi({ description: "In milliseconds, how long this question may stay open" });

/** The header that makes a request one, however often it is sent. */
export const keyed = {
  headers: z.object({
    [KEY_HEADER]: z
      .string()
      .regex(REQUEST_KEY, { error: "8 to 128 letters, digits, `_`, `.` and `-`" })
      .optional()
      .openapi({ description: "Made by the client: the same request sent again with it has no second effect" }),
  }),
};
