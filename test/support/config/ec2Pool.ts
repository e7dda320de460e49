/** The text of a pool of EC2 machines that is in order, and names no registry mirror. */
export const EC2_POOL = `[[pool]]
name = "cloud"
driver = "ec2"
[pool.ec2]
region = "eu-central-1"
ami = "ami-0123456789abcdef0"
instance_types = ["m7i.large"]
subnets = ["subnet-0123456789abcdef0"]
security_groups = ["sg-0123456789abcdef0"]
`;
