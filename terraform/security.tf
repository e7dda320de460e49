# Nothing lets the world in. The manager reaches the machines' sshd, the machines reach the mirror, and that is all.

resource "aws_security_group" "manager" {
  name_prefix = "${var.name}-manager-"
  description = "mayfly: the manager"
  vpc_id      = local.vpc_id
  tags        = merge(local.tags, { Name = "${var.name}-manager" })

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = local.is_new_vpc == (length(var.subnet_ids) == 0)
      error_message = "Expected subnet_ids to be given exactly when vpc_id is."
    }
  }
}

resource "aws_security_group" "machine" {
  name_prefix = "${var.name}-machine-"
  description = "mayfly: machines that run jobs"
  vpc_id      = local.vpc_id
  tags        = merge(local.tags, { Name = "${var.name}-machine" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "machine_ssh" {
  security_group_id            = aws_security_group.machine.id
  description                  = "The manager's one connection to each machine"
  referenced_security_group_id = aws_security_group.manager.id
  ip_protocol                  = "tcp"
  from_port                    = 22
  to_port                      = 22
  tags                         = local.tags
}

# Jobs fetch what they like.
resource "aws_vpc_security_group_egress_rule" "machine_out" {
  security_group_id = aws_security_group.machine.id
  description       = "What jobs fetch"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
  tags              = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "manager_ssh" {
  for_each = toset(var.manager_ssh_security_group_ids)

  security_group_id            = aws_security_group.manager.id
  description                  = "People who look after the manager"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 22
  to_port                      = 22
  tags                         = local.tags
}

resource "aws_vpc_security_group_egress_rule" "manager_to_machines" {
  security_group_id            = aws_security_group.manager.id
  description                  = "The connections to the machines"
  referenced_security_group_id = aws_security_group.machine.id
  ip_protocol                  = "tcp"
  from_port                    = 22
  to_port                      = 22
  tags                         = local.tags
}

# AWS's endpoints and npm by TLS; Debian's mirrors by plain HTTP, their packages being signed.
resource "aws_vpc_security_group_egress_rule" "manager_web" {
  for_each = toset(["80", "443"])

  security_group_id = aws_security_group.manager.id
  description       = "AWS, packages"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = tonumber(each.value)
  to_port           = tonumber(each.value)
  tags              = local.tags
}

resource "aws_security_group" "mirror" {
  count = var.registry_mirror ? 1 : 0

  name_prefix = "${var.name}-mirror-"
  description = "mayfly: the registry mirror"
  vpc_id      = local.vpc_id
  tags        = merge(local.tags, { Name = "${var.name}-mirror" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "mirror" {
  count = var.registry_mirror ? 1 : 0

  security_group_id            = aws_security_group.mirror[0].id
  description                  = "Machines pull images"
  referenced_security_group_id = aws_security_group.machine.id
  ip_protocol                  = "tcp"
  from_port                    = 5000
  to_port                      = 5000
  tags                         = local.tags
}

resource "aws_vpc_security_group_egress_rule" "mirror_web" {
  for_each = var.registry_mirror ? toset(["80", "443"]) : toset([])

  security_group_id = aws_security_group.mirror[0].id
  description       = "Docker Hub, packages"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = tonumber(each.value)
  to_port           = tonumber(each.value)
  tags              = local.tags
}
