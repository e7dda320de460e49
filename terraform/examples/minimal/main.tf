# Everything new, in one Region: a VPC, the manager, one pool of up to ten machines.

terraform {
  required_version = ">= 1.5"
}

provider "aws" {
  region = "eu-central-1"
}

module "mayfly" {
  source = "../.."

  mayfly_package = var.mayfly_package
}

variable "mayfly_package" {
  description = "The https URL of a tarball that `npm pack` made of mayfly."
  type        = string
}

output "mayfly_toml" {
  description = "What the manager runs with."
  value       = module.mayfly.mayfly_toml
}
