import { ACTIONS } from "./actions.ts";
import { Refusal } from "./cloud.ts";
import type { Cloud } from "./cloud.ts";
import { fieldsFrom, textOf } from "./form.ts";
import { renderXml } from "./xml.ts";

/** What comes back of a request; "cut" for a connection that breaks off. */
export type Answer = { readonly status: number; readonly body: string } | "cut";

/** Answers one signed request of EC2's Query protocol. */
export function answer(cloud: Cloud, authorization: string | undefined, form: string): Answer {
  const fields = fieldsFrom(form);
  const action = textOf(fields, "Action") ?? "";
  cloud.calls.push({ action, at: cloud.now() });
  try {
    cloud.throttle(action);
    strike(cloud.fault(action, "before"));
    if (!/^AWS4-HMAC-SHA256 Credential=/.test(authorization ?? ""))
      throw new Refusal("MissingAuthenticationToken", "Request is missing Authentication Token", 403);
    if (!/ Credential=test\//.test(authorization ?? ""))
      throw new Refusal("AuthFailure", "AWS was not able to validate the provided access credentials", 401);
    const run = ACTIONS[action];
    if (run === undefined)
      throw new Refusal("InvalidAction", `The action ${action} is not valid for this web service.`);
    if (cloud.denied.has(action))
      throw new Refusal("UnauthorizedOperation", "You are not authorized to perform this operation.", 403);
    if (textOf(fields, "DryRun") === "true")
      throw new Refusal("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412);
    const outcome = run(cloud, fields);
    strike(cloud.fault(action, "after"));
    return sent(200, renderXml(`${action}Response`, { requestId: "req-0", ...(outcome as object) }));
  } catch (error) {
    if (error instanceof Cut) return "cut";
    if (!(error instanceof Refusal)) throw error;
    const { code, message, status } = error;
    return sent(
      status,
      renderXml("Response", { Errors: { Error: { Code: code, Message: message } }, RequestID: "req-0" }),
    );
  }
}

class Cut extends Error {}

function strike(refusal: Refusal | "cut" | undefined): void {
  if (refusal === "cut") throw new Cut();
  if (refusal !== undefined) throw refusal;
}

const sent = (status: number, xml: string): Answer => ({
  status,
  body: `<?xml version="1.0" encoding="UTF-8"?>\n${xml}`,
});
