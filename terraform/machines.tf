# What every machine is launched with, for people and tools that launch one by hand, to try an image for instance. The manager
# makes a template of its own for each shape of machine, with the same rules.

data "aws_ami" "chosen" {
  filter {
    name   = "image-id"
    values = [local.machine_image_id]
  }
}

resource "aws_launch_template" "machine" {
  name_prefix            = "${var.name}-machine-"
  description            = "mayfly: machines that run jobs"
  update_default_version = true
  image_id               = local.machine_image_id
  # A machine that powers itself off, as it does when it hears from no manager, is gone.
  instance_initiated_shutdown_behavior = "terminate"
  tags                                 = merge(local.tags, { Name = "${var.name}-machine" })

  # One hop: containers, whose packets take one more, do not reach it even before the manager closes it to jobs.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "disabled"
  }

  network_interfaces {
    device_index                = 0
    associate_public_ip_address = false
    delete_on_termination       = true
    security_groups             = [aws_security_group.machine.id]
  }

  block_device_mappings {
    device_name = data.aws_ami.chosen.root_device_name

    ebs {
      encrypted             = true
      kms_key_id            = var.kms_key_arn
      delete_on_termination = true
      volume_type           = "gp3"
      volume_size           = max([for pool in var.pools : pool.disk_gib]...)
    }
  }

  dynamic "iam_instance_profile" {
    for_each = var.machine_instance_profile[*]

    content {
      name = iam_instance_profile.value.name
    }
  }
}
