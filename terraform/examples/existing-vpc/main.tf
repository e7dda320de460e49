# A VPC that the platform team owns: its private subnets, its bastion, its key; logs in CloudWatch, a cache and a mirror.

terraform {
  required_version = ">= 1.5"
}

provider "aws" {
  region = "eu-central-1"
}

module "mayfly" {
  source = "../.."

  name           = "ci-1"
  mayfly_package = var.mayfly_package

  vpc_id                         = var.vpc_id
  subnet_ids                     = var.private_subnet_ids
  manager_ssh_security_group_ids = [var.bastion_security_group_id]
  manager_key_name               = var.key_name
  kms_key_arn                    = var.kms_key_arn
  machine_image_id               = var.machine_image_id

  log_retention_days = 30
  cache_bucket       = true
  registry_mirror    = true

  pools = {
    small = { max_machines = 40, idle_count = 4 }
    large = { max_machines = 8, idle_count = 0, instance_types = ["m7i.2xlarge", "m7a.2xlarge"], disk_gib = 100, job_timeout = "3h" }
  }

  tags = { team = "platform" }
}

variable "mayfly_package" {
  description = "The https URL of a tarball that `npm pack` made of mayfly."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "private_subnet_ids" {
  description = "Its private subnets, one a zone, with a way out to the internet."
  type        = list(string)
}

variable "bastion_security_group_id" {
  description = "The group of the bastion."
  type        = string
}

variable "key_name" {
  description = "The key pair of people who log in on the manager's host."
  type        = string
}

variable "kms_key_arn" {
  description = "The key that encrypts volumes."
  type        = string
}

variable "machine_image_id" {
  description = "A prepared image."
  type        = string
}

output "mayfly_toml" {
  description = "What the manager runs with."
  value       = module.mayfly.mayfly_toml
}

output "manager_security_group_id" {
  description = "For the bastion's own egress rule."
  value       = module.mayfly.manager_security_group_id
}
