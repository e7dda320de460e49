# A pull-through cache of Docker Hub: Debian's docker-registry, on a host that machines may reach and the manager need not.

resource "aws_instance" "mirror" {
  count = var.registry_mirror ? 1 : 0

  ami                         = local.manager_image_id
  instance_type               = var.registry_mirror_instance_type
  subnet_id                   = local.manager_subnet_id
  vpc_security_group_ids      = [aws_security_group.mirror[0].id]
  associate_public_ip_address = false
  user_data_replace_on_change = true
  user_data                   = "#cloud-config\n${file("${path.module}/templates/mirror.yaml")}"
  tags                        = merge(local.tags, { Name = "${var.name}-mirror" })
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
    volume_size           = var.registry_mirror_disk_gib
  }

  lifecycle {
    # A newer Debian is no reason to empty the cache: taint the host to take it.
    ignore_changes = [ami]
  }
}
