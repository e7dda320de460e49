/**
 * Request buckets of an account in one region, capacity and refill per second. Source: EC2 developer guide, "Request throttling".
 * Written down here a second time on purpose: the driver's own figures are what is to be proved.
 */
export const ACCOUNT_LIMITS: Readonly<Record<string, { readonly burst: number; readonly perSecond: number }>> = {
  CreateFleet: { burst: 50, perSecond: 5 },
  CreateLaunchTemplate: { burst: 50, perSecond: 5 },
  TerminateInstances: { burst: 100, perSecond: 5 },
  DescribeInstances: { burst: 100, perSecond: 20 },
  DescribeImages: { burst: 100, perSecond: 20 },
  DescribeSpotPriceHistory: { burst: 100, perSecond: 20 },
  DescribeSecurityGroups: { burst: 100, perSecond: 20 },
  DescribeSpotInstanceRequests: { burst: 100, perSecond: 20 },
  DescribeSubnets: { burst: 100, perSecond: 20 },
};
