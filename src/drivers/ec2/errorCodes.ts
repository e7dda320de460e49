/** The account's or region's room is used up. Source: EC2 API reference, "Error codes"; the list follows Karpenter's. */
export const CAPACITY_CODES: ReadonlySet<string> = new Set([
  "InsufficientInstanceCapacity",
  "InsufficientCapacity",
  "InsufficientHostCapacity",
  "InsufficientReservedInstanceCapacity",
  "UnfulfillableCapacity",
  "Unsupported",
  "SpotMaxPriceTooLow",
  "ReservationCapacityExceeded",
  "InsufficientFreeAddressesInSubnet",
  "InsufficientAddressCapacity",
  "InsufficientVolumeCapacity",
]);
/** A quota of the account: it covers many offerings at once, and frees up as machines end. */
export const QUOTA_CODES: ReadonlySet<string> = new Set([
  "MaxSpotInstanceCountExceeded",
  "VcpuLimitExceeded",
  "InstanceLimitExceeded",
  "MaxFleetCountExceeded",
  "VolumeLimitExceeded",
  "MaxIOPSLimitExceeded",
]);
/** Too many calls of an action. */
export const THROTTLE_CODES: ReadonlySet<string> = new Set([
  "RequestLimitExceeded",
  "Throttling",
  "ThrottlingException",
  "ThrottledException",
  "RequestThrottled",
  "RequestThrottledException",
  "TooManyRequestsException",
  "SlowDown",
  "EC2ThrottledException",
]);
/** It may pass by itself; whether the call took effect, nobody knows. */
export const TRANSIENT_CODES: ReadonlySet<string> = new Set([
  "InternalError",
  "InternalFailure",
  "InternalServiceError",
  "ServerInternal",
  "ServiceUnavailable",
  "Unavailable",
  "RequestTimeout",
  "RequestTimeoutException",
  "TimeoutError",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
]);
/** The request never left: there was nobody to send it to. Source: connect(2), getaddrinfo(3). */
export const UNSENT_CODES: ReadonlySet<string> = new Set(["ECONNREFUSED", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);
/** The caller's policy does not grant it. */
export const DENIED_CODES: ReadonlySet<string> = new Set([
  "UnauthorizedOperation",
  "AccessDenied",
  "AccessDeniedException",
  "Client.UnauthorizedOperation",
]);

/** The setting that a code tells of, and the rule that it breaks. */
export const CONFIG_CODES: readonly (readonly [code: RegExp, place: string, rule: string])[] = [
  [
    /^InvalidAMIID\./,
    "pool.ec2.ami",
    "EC2 has no such image in the region of `pool.ec2.region`, or does not show it to this account",
  ],
  [/^InvalidSubnet(?:ID)?\./, "pool.ec2.subnets", "EC2 has no such subnet in the region of `pool.ec2.region`"],
  [
    /^Invalid(?:SecurityGroupID|Group|GroupId)\./,
    "pool.ec2.security_groups",
    "EC2 has no such group in the region of `pool.ec2.region`",
  ],
  [/^InvalidInstanceType$/, "pool.ec2.instance_types", "EC2 has no such type in the region of `pool.ec2.region`"],
  [/^InvalidIamInstanceProfile|^InvalidInstanceProfile/, "pool.ec2.instance_profile", "IAM has no such profile"],
  [
    /^(?:AuthFailure|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|IncompleteSignature|InvalidSecurity|MissingAuthenticationToken)$/,
    "pool.ec2.profile",
    // A region that the account has not enabled answers so too. Source: AWS account management guide, "Enable or disable AWS Regions".
    "AWS does not accept these credentials in the region of `pool.ec2.region`",
  ],
  [
    // EC2's own word for it is RequestExpired, and a clock that is wrong by 5 minutes has the same answer.
    /^(?:ExpiredToken.*|RequestExpired|RequestTimeTooSkewed)$/,
    "pool.ec2.profile",
    "these credentials have expired, or the clock of this host is wrong",
  ],
  [
    /^(?:CredentialsProviderError|TokenProviderError|ProviderError)$/,
    "pool.ec2.profile",
    "the AWS SDK finds no credentials",
  ],
  [/^(?:ENOTFOUND|OptInRequired|InvalidRegion.*)$/, "pool.ec2.region", "EC2 has no such region for this account"],
  [/^(?:ERR_INVALID_URL|CERT_.*|ERR_TLS_.*)$/, "pool.ec2.endpoint", "cannot be reached"],
];
