import type { Instance as Ec2Instance } from "@aws-sdk/client-ec2";
import type { Ec2Shape } from "../../domain/shape.ts";
import { createBreaker } from "./breaker.ts";
import type { Breaker } from "./breaker.ts";
import { createCalls } from "./calls.ts";
import type { CallEc2 } from "./calls.ts";
import { createSdkClient } from "./client.ts";
import { createDescriber } from "./describe.ts";
import type { Describer } from "./describe.ts";
import { createOfferings } from "./offerings.ts";
import type { Offerings } from "./offerings.ts";
import type { Ec2Deps, Ec2Options, Ec2Site } from "./options.ts";
import { createOurs } from "./ours.ts";
import type { Ours } from "./ours.ts";
import type { Paced } from "./paced.ts";
import type { Placed } from "./place.ts";
import { createSpotPrices } from "./spotPrices.ts";
import type { SpotPrices } from "./spotPrices.ts";
import { createStarter, createStopper } from "./power.ts";
import { createTerminator } from "./terminate.ts";

/** What the driver knows of one site. All of it can be lost: the truth is at EC2, in tags. */
export interface SiteContext {
  readonly site: Ec2Site;
  readonly call: CallEc2;
  readonly describer: Describer;
  readonly terminator: Paced<string>;
  readonly stopper: Paced<string>;
  readonly starter: Paced<string>;
  readonly offerings: Offerings;
  readonly breaker: Breaker;
  readonly spotPrices: SpotPrices;
  /** The instances of ours that this process has heard of. */
  readonly ours: Ours;
  /** Instances of machines that this process launched or found, by launch token or machine id. */
  readonly launched: Map<string, string>;
  /** What calls for several machines brought, by their token. */
  readonly placed: Map<string, Placed>;
  /** Answers of calls that need to be asked once: templates, images, subnets, what an earlier process left. */
  readonly once: Map<string, Promise<unknown>>;
  /** Aborts when the driver is closed. */
  readonly closing: AbortSignal;
  close(): void;
}

/** What the verbs of one driver object share. */
export interface Ec2Context {
  readonly options: Ec2Options;
  readonly deps: Ec2Deps;
  readonly sites: Map<string, SiteContext>;
  readonly launching: Map<string, Promise<void>>;
  /** Aborts when the driver is closed: nothing waits any longer then. */
  readonly closing: AbortController;
}

/** Creates the context; calls nobody yet. */
export function createContext(options: Ec2Options, deps: Ec2Deps): Ec2Context {
  const context: Ec2Context = { options, deps, sites: new Map(), launching: new Map(), closing: new AbortController() };
  for (const site of options.sites) siteOf(context, site);
  return context;
}

/** The state of a site; made when it is first spoken of. */
export function siteOf(context: Ec2Context, { region, profile, endpoint }: Ec2Site): SiteContext {
  const site = { region, profile, endpoint };
  const key = JSON.stringify([region, profile, endpoint]);
  const known = context.sites.get(key);
  if (known !== undefined) return known;
  const { deps, options } = context;
  const client = deps.connect?.(site) ?? createSdkClient(site);
  const call = createCalls(client, deps);
  const shared = { owner: options.owner, call, clock: deps.clock, closing: context.closing.signal };
  const ours = createOurs(deps.clock);
  const made: SiteContext = {
    site,
    call,
    describer: createDescriber(shared),
    terminator: createTerminator({ ...shared, ours }),
    stopper: createStopper({ ...shared, ours }),
    starter: createStarter({ ...shared, ours }),
    offerings: createOfferings(deps.clock),
    breaker: createBreaker(deps),
    spotPrices: createSpotPrices(call, deps, context.closing.signal),
    ours,
    launched: new Map(),
    placed: new Map(),
    once: new Map(),
    closing: context.closing.signal,
    close: () => client.close(),
  };
  context.sites.set(key, made);
  return made;
}

/** The shapes of the pools at a site. */
export function shapesAt({ options }: Ec2Context, { site }: SiteContext): readonly Ec2Shape[] {
  const isHere = ({ region, profile, endpoint }: Ec2Site): boolean =>
    region === site.region && profile === site.profile && endpoint === site.endpoint;
  return (options.shapes ?? []).filter(isHere);
}

/**
 * Asks once for what does not change; a failed question is asked again by the next that wants to know. Many may wait for the
 * answer: so the question ends with the driver, not with the first of them.
 */
export function askOnce<T>(
  { once, closing }: SiteContext,
  key: string,
  ask: (closing: AbortSignal) => Promise<T>,
): Promise<T> {
  const known = once.get(key);
  if (known !== undefined) return known as Promise<T>;
  const asked = ask(closing);
  once.set(key, asked);
  asked.catch(() => once.delete(key));
  return asked;
}

/** An instance's name in the store: ids hold in their region alone. */
export const providerIdFrom = ({ region }: Ec2Site, instanceId: string): string => `${region}/${instanceId}`;

/** Splits such a name; undefined when it is none of this driver's. */
export function idsFrom(providerId: string): { readonly region: string; readonly instanceId: string } | undefined {
  const [, region, instanceId] = /^([a-z0-9-]+)\/(i-[0-9a-f]{8,17})$/.exec(providerId) ?? [];
  return region === undefined || instanceId === undefined ? undefined : { region, instanceId };
}

/** Tells whether nothing is left of an instance but its name. */
export const isGone = ({ State }: Ec2Instance): boolean => State?.Name === "terminated";
