data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  # Everything that the manager launches bears this tag, and its role may touch nothing without it.
  owner_tag_key = "mayfly:owner"

  # Made by this module, not launched by the manager: it must never bear the owner tag, or the manager could end it.
  tags = merge(var.tags, { "mayfly:module" = var.name })

  # `name` was renamed to `region` in version 6 of the provider; ids mean the same in both.
  region     = data.aws_region.current.id
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  arn_prefix = "arn:${local.partition}:ec2:${local.region}:${local.account_id}"

  is_new_vpc         = var.vpc_id == null
  vpc_id             = local.is_new_vpc ? aws_vpc.this[0].id : var.vpc_id
  machine_subnet_ids = local.is_new_vpc ? aws_subnet.private[*].id : var.subnet_ids
  manager_subnet_id  = local.is_new_vpc ? aws_subnet.private[0].id : (var.manager_subnet_id != null ? var.manager_subnet_id : try(var.subnet_ids[0], null))

  machine_image_id = coalesce(var.machine_image_id, data.aws_ami.machine.id)
  manager_image_id = coalesce(var.manager_image_id, data.aws_ami.manager.id)
}

# Debian's own account: https://wiki.debian.org/Cloud/AmazonEC2Image
data "aws_ami" "machine" {
  owners      = ["136693071363"]
  most_recent = true

  filter {
    name   = "name"
    values = [var.architecture == "arm64" ? "debian-12-arm64-*" : "debian-12-amd64-*"]
  }
}

data "aws_ami" "manager" {
  owners      = ["136693071363"]
  most_recent = true

  filter {
    name   = "name"
    values = ["debian-13-amd64-*"]
  }
}
