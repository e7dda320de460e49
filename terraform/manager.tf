# The manager: one small host, with no way in from the world. systemd runs it, and a restart keeps machines and jobs.

module "settings" {
  source = "./modules/settings"

  name                      = var.name
  region                    = local.region
  pools                     = var.pools
  machine_image_id          = local.machine_image_id
  engine                    = coalesce(var.machine_image_is_prepared, var.machine_image_id != null) ? "baked" : "install"
  machine_subnet_ids        = local.machine_subnet_ids
  machine_security_group_id = aws_security_group.machine.id
  machine_profile_name      = one(var.machine_instance_profile[*].name)
  registry_mirror           = var.registry_mirror ? "http://${aws_instance.mirror[0].private_ip}:5000" : null
}

locals {
  log_group_name = var.log_retention_days == null ? null : "/mayfly/${var.name}"

  manager_files = merge(
    {
      "/etc/mayfly/mayfly.toml"            = module.settings.toml
      "/etc/systemd/system/mayfly.service" = file("${path.module}/templates/mayfly.service")
      "/etc/mayfly/install.sh"             = file("${path.module}/templates/install.sh")
    },
    var.log_retention_days == null ? {} : {
      "/etc/mayfly/cloudwatch.json" = jsonencode(jsondecode(templatefile("${path.module}/templates/cloudwatch.json", {
        log_group = local.log_group_name
      })))
      "/etc/systemd/system/mayfly-log.service" = file("${path.module}/templates/mayfly-log.service")
      "/etc/logrotate.d/mayfly"                = file("${path.module}/templates/logrotate")
    },
  )

  manager_user_data = {
    package_update = true
    packages       = concat(["ca-certificates", "npm"], var.log_retention_days == null ? [] : ["curl", "logrotate"])
    write_files    = [for path, content in local.manager_files : { path = path, content = content, permissions = "0644" }]
    runcmd         = [["sh", "/etc/mayfly/install.sh", var.mayfly_package, var.log_retention_days == null ? "" : local.region]]
  }
}

resource "aws_cloudwatch_log_group" "manager" {
  count = var.log_retention_days == null ? 0 : 1

  name              = local.log_group_name
  retention_in_days = var.log_retention_days
  tags              = local.tags
}

resource "aws_instance" "manager" {
  ami                         = local.manager_image_id
  instance_type               = var.manager_instance_type
  subnet_id                   = local.manager_subnet_id
  vpc_security_group_ids      = [aws_security_group.manager.id]
  associate_public_ip_address = false
  iam_instance_profile        = aws_iam_instance_profile.manager.name
  key_name                    = var.manager_key_name
  # Holds no secret: the manager has its role, and makes the keys of machines itself.
  user_data                   = "#cloud-config\n${jsonencode(local.manager_user_data)}\n"
  user_data_replace_on_change = true
  tags                        = merge(local.tags, { Name = "${var.name}-manager" })
  volume_tags                 = local.tags

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    encrypted             = true
    kms_key_id            = var.kms_key_arn
    delete_on_termination = true
    volume_type           = "gp3"
    volume_size           = var.manager_disk_gib
  }

  lifecycle {
    # A newer Debian is no reason to end the jobs that run: taint the host to take it.
    ignore_changes = [ami]
  }

  # It launches as soon as it is up, and needs the way out before that.
  depends_on = [
    aws_iam_role_policy.manager,
    aws_route.private_out,
    aws_vpc_security_group_egress_rule.manager_to_machines,
    aws_vpc_security_group_egress_rule.manager_web,
    aws_vpc_security_group_ingress_rule.machine_ssh,
  ]
}
