# Renders mayfly.toml. Needs no provider, so that it can be tried anywhere: `terraform -chdir=modules/settings apply`.

locals {
  # Every JSON string and array is one of TOML too, if only the escape of the slash is never used, and jsonencode never does.
  toml = templatefile("${path.module}/mayfly.toml.tftpl", {
    name                      = var.name
    region                    = var.region
    pools                     = var.pools
    machine_image_id          = var.machine_image_id
    engine                    = var.engine
    machine_subnet_ids        = var.machine_subnet_ids
    machine_security_group_id = var.machine_security_group_id
    machine_profile_name      = var.machine_profile_name
    registry_mirror           = var.registry_mirror
  })
}

output "toml" {
  description = "The text of mayfly.toml."
  value       = local.toml
}
