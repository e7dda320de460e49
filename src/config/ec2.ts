import * as z from "zod";
import { boolean, endpointUrl, idList, oneOf, size, tagTable, text } from "./fields.ts";

const REGION = /^[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}$/;
const AMI = /^ami-[0-9a-f]{8,17}$/;
const PROFILE = /^[\w.@+=,-]{1,128}$/;
const TYPE = /^[a-z][a-z0-9-]*\.[a-z0-9-]+$/;
/** CreateFleet takes 300 overrides: every type in every subnet is one. Source: EC2 Fleet quotas. */
export const MAX_OFFERINGS = 300;

/** `[pool.ec2]`: what a machine is made of and where; the rules that bind several values are in rules.ts. */
export const ec2Schema = z.strictObject(
  {
    region: text(REGION, 'an AWS region such as "eu-central-1"'),
    profile: text(PROFILE, "the name of a profile of the AWS configuration files").optional(),
    endpoint: endpointUrl().optional(),
    ami: text(AMI, 'the id of an image such as "ami-0123456789abcdef0"'),
    instance_types: idList(TYPE, 'instance types such as "m7i.large"', 40),
    subnets: idList(/^subnet-[0-9a-f]{8,17}$/, 'ids such as "subnet-0123456789abcdef0"', 20),
    security_groups: idList(/^sg-[0-9a-f]{8,17}$/, 'ids such as "sg-0123456789abcdef0"', 5),
    market: oneOf(["spot-first", "spot", "on-demand"]).prefault("spot-first"),
    disk: size(2 ** 30, 1, 2 ** 14).prefault("30GiB"),
    instance_profile: text(PROFILE, "the name of an instance profile").optional(),
    public_address: boolean().prefault(false),
    tags: tagTable().prefault({}),
  },
  { error: "a table" },
);
