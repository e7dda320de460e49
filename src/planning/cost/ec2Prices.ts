/** A price list of a provider, as it stood on a day. */
export interface PriceList {
  /** ISO date. */
  readonly date: string;
  /** By Region, and by family: sizes, each with its price in US dollars per hour. */
  readonly onDemand: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** By Region: a GiB of a gp3 volume for a month, in US dollars. */
  readonly usdPerGiBMonth: Readonly<Record<string, number>>;
}

/**
 * Linux on shared hosts, on demand. ./ec2FamilyPrices.ts has the other Regions.
 *
 * Sources: instances, AWS's price list as generated on the date below into aws/karpenter-provider-aws
 * (pkg/providers/pricing/zz_generated.pricing_aws.go at commit 6fc13b5236fd04fd16ff3f9dc7490d0813994099);
 * volumes, aws/agent-toolkit-for-aws (skills/core-skills/aws-billing-and-cost-management/references/ebs-optimization.md, 2026).
 */
export const EC2_PRICES: PriceList = {
  date: "2026-07-20",
  usdPerGiBMonth: { "us-east-1": 0.08 },
  onDemand: {
    "us-east-1": {
      t3: "nano 0.0052, micro 0.0104, small 0.0208, medium 0.0416, large 0.0832, xlarge 0.1664, 2xlarge 0.3328",
      t3a: "nano 0.0047, micro 0.0094, small 0.0188, medium 0.0376, large 0.0752, xlarge 0.1504, 2xlarge 0.3008",
      t4g: "nano 0.0042, micro 0.0084, small 0.0168, medium 0.0336, large 0.0672, xlarge 0.1344, 2xlarge 0.2688",
      m5: "large 0.096, xlarge 0.192, 2xlarge 0.384, 4xlarge 0.768, 8xlarge 1.536, 12xlarge 2.304, 16xlarge 3.072, 24xlarge 4.608",
      m5a: "large 0.086, xlarge 0.172, 2xlarge 0.344, 4xlarge 0.688, 8xlarge 1.376, 12xlarge 2.064, 16xlarge 2.752, 24xlarge 4.128",
      m5d: "large 0.113, xlarge 0.226, 2xlarge 0.452, 4xlarge 0.904, 8xlarge 1.808, 12xlarge 2.712, 16xlarge 3.616, 24xlarge 5.424",
      m6i: "large 0.096, xlarge 0.192, 2xlarge 0.384, 4xlarge 0.768, 8xlarge 1.536, 12xlarge 2.304, 16xlarge 3.072, 24xlarge 4.608",
      m6a: "large 0.0864, xlarge 0.1728, 2xlarge 0.3456, 4xlarge 0.6912, 8xlarge 1.3824, 12xlarge 2.0736, 16xlarge 2.7648, 24xlarge 4.1472",
      m6g: "medium 0.0385, large 0.077, xlarge 0.154, 2xlarge 0.308, 4xlarge 0.616, 8xlarge 1.232, 12xlarge 1.848, 16xlarge 2.464",
      m6id: "large 0.11865, xlarge 0.2373, 2xlarge 0.4746, 4xlarge 0.9492, 8xlarge 1.8984, 12xlarge 2.8476, 16xlarge 3.7968, 24xlarge 5.6952",
      m7i: "large 0.1008, xlarge 0.2016, 2xlarge 0.4032, 4xlarge 0.8064, 8xlarge 1.6128, 12xlarge 2.4192, 16xlarge 3.2256, 24xlarge 4.8384",
      "m7i-flex":
        "large 0.09576, xlarge 0.19152, 2xlarge 0.38304, 4xlarge 0.76608, 8xlarge 1.53216, 12xlarge 2.29824, 16xlarge 3.06432",
      m7a: "medium 0.05796, large 0.11592, xlarge 0.23184, 2xlarge 0.46368, 4xlarge 0.92736, 8xlarge 1.85472, 12xlarge 2.78208, 16xlarge 3.70944, 24xlarge 5.56416",
      m7g: "medium 0.0408, large 0.0816, xlarge 0.1632, 2xlarge 0.3264, 4xlarge 0.6528, 8xlarge 1.3056, 12xlarge 1.9584, 16xlarge 2.6112",
      m8i: "large 0.10584, xlarge 0.21168, 2xlarge 0.42336, 4xlarge 0.84672, 8xlarge 1.69344, 12xlarge 2.54016, 16xlarge 3.38688, 24xlarge 5.08032",
      "m8i-flex":
        "large 0.10055, xlarge 0.2011, 2xlarge 0.4022, 4xlarge 0.8044, 8xlarge 1.6088, 12xlarge 2.4132, 16xlarge 3.2176",
      m8a: "medium 0.06086, large 0.12172, xlarge 0.24344, 2xlarge 0.48688, 4xlarge 0.97376, 8xlarge 1.94752, 12xlarge 2.92128, 16xlarge 3.89504, 24xlarge 5.84256",
      m8g: "medium 0.04488, large 0.08976, xlarge 0.17952, 2xlarge 0.35904, 4xlarge 0.71808, 8xlarge 1.43616, 12xlarge 2.15424, 16xlarge 2.87232, 24xlarge 4.30848",
      m8gd: "medium 0.05766, large 0.11532, xlarge 0.23064, 2xlarge 0.46128, 4xlarge 0.92256, 8xlarge 1.84512, 12xlarge 2.76768, 16xlarge 3.69024, 24xlarge 5.53536",
      c5: "large 0.085, xlarge 0.17, 2xlarge 0.34, 4xlarge 0.68, 9xlarge 1.53, 12xlarge 2.04, 18xlarge 3.06, 24xlarge 4.08",
      c5a: "large 0.077, xlarge 0.154, 2xlarge 0.308, 4xlarge 0.616, 8xlarge 1.232, 12xlarge 1.848, 16xlarge 2.464, 24xlarge 3.696",
      c5d: "large 0.096, xlarge 0.192, 2xlarge 0.384, 4xlarge 0.768, 9xlarge 1.728, 12xlarge 2.304, 18xlarge 3.456, 24xlarge 4.608",
      c6i: "large 0.085, xlarge 0.17, 2xlarge 0.34, 4xlarge 0.68, 8xlarge 1.36, 12xlarge 2.04, 16xlarge 2.72, 24xlarge 4.08",
      c6a: "large 0.0765, xlarge 0.153, 2xlarge 0.306, 4xlarge 0.612, 8xlarge 1.224, 12xlarge 1.836, 16xlarge 2.448, 24xlarge 3.672",
      c6g: "medium 0.034, large 0.068, xlarge 0.136, 2xlarge 0.272, 4xlarge 0.544, 8xlarge 1.088, 12xlarge 1.632, 16xlarge 2.176",
      c6id: "large 0.1008, xlarge 0.2016, 2xlarge 0.4032, 4xlarge 0.8064, 8xlarge 1.6128, 12xlarge 2.4192, 16xlarge 3.2256, 24xlarge 4.8384",
      c7i: "large 0.08925, xlarge 0.1785, 2xlarge 0.357, 4xlarge 0.714, 8xlarge 1.428, 12xlarge 2.142, 16xlarge 2.856, 24xlarge 4.284",
      "c7i-flex":
        "large 0.08479, xlarge 0.16958, 2xlarge 0.33915, 4xlarge 0.6783, 8xlarge 1.3566, 12xlarge 2.0349, 16xlarge 2.7132",
      c7a: "medium 0.05132, large 0.10264, xlarge 0.20528, 2xlarge 0.41056, 4xlarge 0.82112, 8xlarge 1.64224, 12xlarge 2.46336, 16xlarge 3.28448, 24xlarge 4.92672",
      c7g: "medium 0.0363, large 0.0725, xlarge 0.145, 2xlarge 0.29, 4xlarge 0.58, 8xlarge 1.16, 12xlarge 1.74, 16xlarge 2.32",
      c8i: "large 0.09371, xlarge 0.18742, 2xlarge 0.37484, 4xlarge 0.74968, 8xlarge 1.49936, 12xlarge 2.24904, 16xlarge 2.99872, 24xlarge 4.49808",
      "c8i-flex":
        "large 0.08902, xlarge 0.17804, 2xlarge 0.35608, 4xlarge 0.71216, 8xlarge 1.42432, 12xlarge 2.13648, 16xlarge 2.84864",
      c8a: "medium 0.05389, large 0.10777, xlarge 0.21554, 2xlarge 0.43108, 4xlarge 0.86216, 8xlarge 1.72432, 12xlarge 2.58648, 16xlarge 3.44864, 24xlarge 5.17296",
      c8g: "medium 0.03988, large 0.07976, xlarge 0.15952, 2xlarge 0.31904, 4xlarge 0.63808, 8xlarge 1.27616, 12xlarge 1.91424, 16xlarge 2.55232, 24xlarge 3.82848",
      r5: "large 0.126, xlarge 0.252, 2xlarge 0.504, 4xlarge 1.008, 8xlarge 2.016, 12xlarge 3.024, 16xlarge 4.032, 24xlarge 6.048",
      r5a: "large 0.113, xlarge 0.226, 2xlarge 0.452, 4xlarge 0.904, 8xlarge 1.808, 12xlarge 2.712, 16xlarge 3.616, 24xlarge 5.424",
      r6i: "large 0.126, xlarge 0.252, 2xlarge 0.504, 4xlarge 1.008, 8xlarge 2.016, 12xlarge 3.024, 16xlarge 4.032, 24xlarge 6.048",
      r6a: "large 0.1134, xlarge 0.2268, 2xlarge 0.4536, 4xlarge 0.9072, 8xlarge 1.8144, 12xlarge 2.7216, 16xlarge 3.6288, 24xlarge 5.4432",
      r6g: "medium 0.0504, large 0.1008, xlarge 0.2016, 2xlarge 0.4032, 4xlarge 0.8064, 8xlarge 1.6128, 12xlarge 2.4192, 16xlarge 3.2256",
      r7i: "large 0.1323, xlarge 0.2646, 2xlarge 0.5292, 4xlarge 1.0584, 8xlarge 2.1168, 12xlarge 3.1752, 16xlarge 4.2336, 24xlarge 6.3504",
      r7a: "medium 0.07608, large 0.15215, xlarge 0.3043, 2xlarge 0.6086, 4xlarge 1.2172, 8xlarge 2.4344, 12xlarge 3.6516, 16xlarge 4.8688, 24xlarge 7.3032",
      r7g: "medium 0.0536, large 0.1071, xlarge 0.2142, 2xlarge 0.4284, 4xlarge 0.8568, 8xlarge 1.7136, 12xlarge 2.5704, 16xlarge 3.4272",
      r8i: "large 0.13892, xlarge 0.27784, 2xlarge 0.55568, 4xlarge 1.11136, 8xlarge 2.22272, 12xlarge 3.33408, 16xlarge 4.44544, 24xlarge 6.66816",
      "r8i-flex":
        "large 0.13197, xlarge 0.26394, 2xlarge 0.52788, 4xlarge 1.05576, 8xlarge 2.11152, 12xlarge 3.16728, 16xlarge 4.22304",
      r8a: "medium 0.07988, large 0.15976, xlarge 0.31952, 2xlarge 0.63904, 4xlarge 1.27808, 8xlarge 2.55616, 12xlarge 3.83424, 16xlarge 5.11232, 24xlarge 7.66848",
      r8g: "medium 0.05891, large 0.11782, xlarge 0.23564, 2xlarge 0.47128, 4xlarge 0.94256, 8xlarge 1.88512, 12xlarge 2.82768, 16xlarge 3.77024, 24xlarge 5.65536",
    },
  },
};
