import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { machineIdFrom } from "../../../src/domain/ids.ts";
import type { Ec2Action } from "../../../src/drivers/ec2/client.ts";
import { errorFrom } from "../../../src/drivers/ec2/errors.ts";
import { fleetRequestFrom } from "../../../src/drivers/ec2/fleet.ts";
import { OWNER_TAG } from "../../../src/drivers/ec2/tags.ts";
import { shapeAt } from "../../support/ec2/lab.ts";
import { moduleFromText, nested, readModule, TERRAFORM } from "../../support/terraform.ts";
import type { Body, TerraformModule } from "../../support/terraform.ts";

interface Statement {
  readonly sid: string;
  readonly isAllowed: boolean;
  readonly actions: readonly string[];
  /** As text: a list may be put together by functions. */
  readonly resources: string;
  /** The variables that conditions look at, with what they ask of them. */
  readonly conditions: readonly {
    readonly test: string;
    readonly variable: string;
    readonly values: readonly string[];
  }[];
}

const OWNER = `\${local.owner_tag_key}`;
/** What a launch makes. Machines run on these; to make one without our tag would be to lose it. */
const MADE_BY_LAUNCH = ["instance/*", "volume/*", "fleet/*"];

function statementsOf({ data }: TerraformModule): Statement[] {
  const document = data.find(({ type, name }) => type === "aws_iam_policy_document" && name === "manager")?.body ?? {};
  return nested(document, "statement").map(
    (body: Body): Statement => ({
      sid: String(body["sid"]),
      isAllowed: (body["effect"] ?? "Allow") === "Allow",
      actions: body["actions"] as string[],
      resources: JSON.stringify(body["resources"]),
      conditions: nested(body, "condition") as unknown as Statement["conditions"],
    }),
  );
}

const isRead = (action: string): boolean => /^ec2:Describe/.test(action);

const isBoundToTag = ({ conditions }: Statement): boolean =>
  conditions.some(
    ({ test, variable, values }) =>
      test === "StringEquals" &&
      [`aws:RequestTag/${OWNER}`, `aws:ResourceTag/${OWNER}`].includes(variable) &&
      JSON.stringify(values) === JSON.stringify([`\${var.name}`]),
  );

/** Statements that let the manager change something of EC2 that is not, and will not be, its own. */
function unboundMutations(module: TerraformModule): string[] {
  return statementsOf(module)
    .filter(({ isAllowed, actions }) => isAllowed && actions.some((a) => a.startsWith("ec2:") && !isRead(a)))
    .filter((statement) => !isBoundToTag(statement))
    .filter(({ actions, resources }) => {
      // What a launch uses and does not make cannot bear the tag: images, subnets, groups, and the interface, which
      // is made in one of these subnets, and the request behind a spot machine. For everything else there is no excuse.
      const isLaunch = actions.every((action) => ["ec2:RunInstances", "ec2:CreateFleet"].includes(action));
      return !isLaunch || resources === '["*"]' || MADE_BY_LAUNCH.some((made) => resources.includes(made));
    })
    .map(({ sid }) => sid);
}

const granted = (module: TerraformModule): Map<string, string[]> => {
  const sidsByAction = new Map<string, string[]>();
  for (const { sid, isAllowed, actions } of statementsOf(module)) {
    if (!isAllowed) continue;
    for (const action of actions) sidsByAction.set(action, [...(sidsByAction.get(action) ?? []), sid]);
  }
  return sidsByAction;
};

/** The EC2 actions whose commands, or their inputs and outputs, the sources take from the SDK. */
function calledActions(): string[] {
  const folder = fileURLToPath(new URL("../../../src", import.meta.url));
  const sources = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const commands = sources.flatMap((name) => {
    const text = readFileSync(join(folder, name), "utf8");
    return text.includes("@aws-sdk/client-ec2") ? [...text.matchAll(/\b([A-Z]\w+)Command(?:Input|Output)?\b/g)] : [];
  });
  return [...new Set(commands.map(([, action]) => `ec2:${action}`))].sort();
}

/** EC2 asks these of a caller of CreateFleet, and of whoever gives tags at a launch. */
const ASKED_BY_EC2 = ["ec2:CreateTags", "ec2:RunInstances"];

/** The tags that the driver puts on a launch. */
const tagSpecificationsOf = (owner: string) =>
  fleetRequestFrom({
    owner,
    machineIds: [machineIdFrom("m-1"), machineIdFrom("m-2")],
    poolName: "small",
    userData: "",
    count: 2,
    shape: shapeAt("http://ec2.test"),
    token: "t-1",
    template: { name: "mayfly-1", version: "1" },
    market: "spot",
    offerings: [],
    attempt: 0,
  }).TagSpecifications;

const module = await readModule(TERRAFORM);
const called = calledActions();

describe("the manager's policy in terraform/", () => {
  it("names every statement, each by its own sid", () => {
    const sids = statementsOf(module).map(({ sid }) => sid);

    expect(sids).toEqual(expect.arrayContaining(["ReadMachines", "LaunchMachines", "EndMachines"]));
    expect(sids.filter((sid) => !/^[A-Za-z0-9]+$/.test(sid))).toEqual([]);
    expect(new Set(sids).size).toBe(sids.length);
  });

  it("binds every change to the owner tag", () => {
    expect(unboundMutations(module)).toEqual([]);
  });

  it("gives a tag by the launch that makes the thing, never to what is there", () => {
    const tagging = statementsOf(module).filter(({ actions }) => actions.includes("ec2:CreateTags"));

    expect(tagging).toHaveLength(1);
    expect(tagging[0]?.conditions).toContainEqual({
      test: "StringEquals",
      variable: "ec2:CreateAction",
      values: ["CreateFleet", "CreateImage", "CreateLaunchTemplate", "RunInstances"],
    });
  });

  it("spells every action out, and allows what it does not read only on named things", () => {
    const allowed = statementsOf(module).filter(({ isAllowed }) => isAllowed);
    const wild = allowed.flatMap(({ actions }) => actions).filter((action) => action.includes("*"));
    const anywhere = allowed.filter(({ resources }) => resources === '["*"]');

    // AWS's own list for encrypted volumes writes it so.
    expect(wild).toEqual(["kms:ReEncrypt*"]);
    expect(anywhere.filter(({ actions }) => !actions.every(isRead))).toEqual([]);
  });

  it("refuses machines with IMDSv1, a second hop or a disk in the clear, whatever is asked for", () => {
    const denied = statementsOf(module).filter(({ isAllowed }) => !isAllowed);

    expect(denied.flatMap(({ actions, conditions }) => conditions.map((c) => [actions, c]))).toEqual([
      [["ec2:RunInstances"], { test: "StringNotEquals", variable: "ec2:MetadataHttpTokens", values: ["required"] }],
      [
        ["ec2:RunInstances"],
        { test: "NumericGreaterThan", variable: "ec2:MetadataHttpPutResponseHopLimit", values: ["1"] },
      ],
      [["ec2:RunInstances"], { test: "Bool", variable: "ec2:Encrypted", values: ["false"] }],
    ]);
  });

  it("passes a role to EC2 alone, and only the one that was given for the machines", () => {
    const passing = statementsOf(module).filter(({ actions }) => actions.includes("iam:PassRole"));

    expect(passing).toEqual([
      {
        sid: "PassMachineRole",
        isAllowed: true,
        actions: ["iam:PassRole"],
        resources: JSON.stringify([`\${statement.value.role_arn}`]),
        conditions: [{ test: "StringEquals", variable: "iam:PassedToService", values: ["ec2.amazonaws.com"] }],
      },
    ]);
  });

  it("grants each call that the sources make, and no other", () => {
    const actions = [...granted(module).keys()].filter((action) => action.startsWith("ec2:"));

    expect(called.filter((action) => !actions.includes(action))).toEqual([]);
    expect(actions.filter((action) => !called.includes(action) && !ASKED_BY_EC2.includes(action))).toEqual([]);
  });

  it("asks for the tag on nothing that the driver does not put it on", async () => {
    const tagged = tagSpecificationsOf("ci-1").flatMap(({ ResourceType, Tags }) =>
      Tags.some(({ Key, Value }) => Key === "mayfly:owner" && Value === "ci-1") ? [`:${ResourceType}/*`] : [],
    );
    const bound = statementsOf(module).find(({ sid }) => sid === "LaunchMachines")?.resources ?? "";
    const made = [...bound.matchAll(/:[a-z-]+\/\*/g)].map(([text]) => text);

    // The template bears it by the call that makes it.
    expect(made.filter((text) => text !== ":launch-template/*").toSorted()).toEqual(tagged.toSorted());
    expect(module.text).toContain(`owner_tag_key = "${OWNER_TAG}"`);
  });

  it.each(called)("names the statement that grants %s where it is denied", (action) => {
    const denied = Object.assign(new Error("words"), { name: "UnauthorizedOperation" });
    const { message } = errorFrom(denied, action.slice("ec2:".length) as Ec2Action) as Error;

    expect(granted(module).get(action)).toContain(/statement "(\w+)"/.exec(message)?.[1]);
  });

  it("would not pass with a change that is bound to nothing, or to another tag", async () => {
    const loose = await moduleFromText(`
      data "aws_iam_policy_document" "manager" {
        statement {
          sid = "EndAnything"
          actions = ["ec2:TerminateInstances"]
          resources = ["*"]
        }
        statement {
          sid = "EndByName"
          actions = ["ec2:TerminateInstances"]
          resources = ["*"]
          condition {
            test = "StringEquals"
            variable = "aws:ResourceTag/Name"
            values = ["ci"]
          }
        }
        statement {
          sid = "LaunchAnything"
          actions = ["ec2:RunInstances"]
          resources = ["arn:aws:ec2:*:*:instance/*"]
        }
      }`);

    expect(unboundMutations(loose)).toEqual(["EndAnything", "EndByName", "LaunchAnything"]);
  });
});
