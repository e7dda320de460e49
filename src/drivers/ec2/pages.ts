import type { CallEc2 } from "./calls.ts";
import type { Ec2Action, Ec2Actions } from "./client.ts";

/** What every action that answers in pages takes. Source: EC2 API reference. */
const PAGE_SIZE = 200;

/** Asks for all pages of an answer. @param pick what one page holds. */
export async function allPages<A extends Ec2Action, T>(
  call: CallEc2,
  action: A,
  input: Ec2Actions[A]["input"],
  pick: (page: Ec2Actions[A]["output"]) => readonly T[] | undefined,
  signal: AbortSignal,
): Promise<T[]> {
  const found: T[] = [];
  let NextToken: string | undefined;
  do {
    const paged = { ...input, MaxResults: PAGE_SIZE, ...(NextToken === undefined ? {} : { NextToken }) };
    const page = await call(action, paged, signal);
    found.push(...(pick(page) ?? []));
    NextToken = (page as { readonly NextToken?: string | undefined }).NextToken || undefined;
  } while (NextToken !== undefined);
  return found;
}
