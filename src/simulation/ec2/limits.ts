/**
 * Request buckets of an account in one region, capacity and refill per second. Source: EC2 developer guide, "Request throttling".
 * Written down here a second time on purpose: the driver's own figures are what is to be proved.
 */
export const ACCOUNT_LIMITS: Readonly<Record<string, { readonly burst: number; readonly perSecond: number }>> = {
  CreateFleet: { burst: 50, perSecond: 5 },
  CreateLaunchTemplate: { burst: 50, perSecond: 5 },
  CancelSpotInstanceRequests: { burst: 50, perSecond: 5 },
  DeleteLaunchTemplate: { burst: 50, perSecond: 5 },
  DeleteNetworkInterface: { burst: 50, perSecond: 5 },
  DeleteVolume: { burst: 50, perSecond: 5 },
  DescribeLaunchTemplates: { burst: 100, perSecond: 20 },
  DescribeNetworkInterfaces: { burst: 100, perSecond: 20 },
  DescribeSnapshots: { burst: 100, perSecond: 20 },
  DescribeVolumes: { burst: 100, perSecond: 20 },
  CreateImage: { burst: 50, perSecond: 5 },
  DeregisterImage: { burst: 50, perSecond: 5 },
  DeleteSnapshot: { burst: 50, perSecond: 5 },
  StartInstances: { burst: 5, perSecond: 2 },
  StopInstances: { burst: 50, perSecond: 5 },
  TerminateInstances: { burst: 100, perSecond: 5 },
  DescribeInstances: { burst: 100, perSecond: 20 },
  DescribeImages: { burst: 100, perSecond: 20 },
  DescribeSpotPriceHistory: { burst: 100, perSecond: 20 },
  DescribeSecurityGroups: { burst: 100, perSecond: 20 },
  DescribeSpotInstanceRequests: { burst: 100, perSecond: 20 },
  DescribeSubnets: { burst: 100, perSecond: 20 },
};
