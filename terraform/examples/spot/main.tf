# Spot machines in all zones, wide over instance types, since each type in each zone has a market of its own; a pool on
# demand beside them for jobs that may not be interrupted.

terraform {
  required_version = ">= 1.5"
}

provider "aws" {
  region = "us-east-1"
}

module "mayfly" {
  source = "../.."

  name                            = "ci-spot"
  mayfly_package                  = var.mayfly_package
  create_spot_service_linked_role = var.is_first_use_of_spot

  pools = {
    spot = {
      market       = "spot-first"
      max_machines = 100
      idle_count   = 5
      instance_types = [
        "m7i.large", "m7i-flex.large", "m7a.large", "m6i.large", "m6a.large", "m5.large", "m5a.large",
        "c7i.xlarge", "c7a.xlarge", "c6i.xlarge", "c6a.xlarge",
      ]
    }
    steady = { max_machines = 5, idle_count = 0 }
  }
}

variable "mayfly_package" {
  description = "The https URL of a tarball that `npm pack` made of mayfly."
  type        = string
}

variable "is_first_use_of_spot" {
  description = "Whether the account has never used spot."
  type        = bool
  default     = false
}

output "mayfly_toml" {
  description = "What the manager runs with."
  value       = module.mayfly.mayfly_toml
}
