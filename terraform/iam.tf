# What the manager's role may do. mayfly's messages about denied calls name the sid of the statement that grants them.
# Calls that change something are bound to the owner tag: asked for with it at the launch, refused on all that lacks it.

data "aws_iam_policy_document" "manager" {
  # EC2 knows no finer rule for its Describe calls.
  statement {
    sid = "ReadMachines"
    actions = [
      "ec2:DescribeImages",
      "ec2:DescribeInstances",
      "ec2:DescribeLaunchTemplates",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSnapshots",
      "ec2:DescribeSpotInstanceRequests",
      "ec2:DescribeSpotPriceHistory",
      "ec2:DescribeSubnets",
      "ec2:DescribeVolumes",
    ]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [local.region]
    }
  }

  # What a launch makes use of, and changes nothing about. No key pair is among it: none can be put on a machine.
  # The network interface is made by the launch, in one of these subnets and with this group; the spot request by the fleet, for its
  # one machine.
  statement {
    sid     = "LaunchInto"
    actions = ["ec2:CreateFleet", "ec2:RunInstances"]
    resources = concat(
      [
        "arn:${local.partition}:ec2:${local.region}::image/*",
        "arn:${local.partition}:ec2:${local.region}::snapshot/*",
        "${local.arn_prefix}:network-interface/*",
        "${local.arn_prefix}:spot-instances-request/*",
        aws_security_group.machine.arn,
      ],
      [for id in local.machine_subnet_ids : "${local.arn_prefix}:subnet/${id}"],
    )
  }

  statement {
    sid       = "LaunchFromTemplate"
    actions   = ["ec2:CreateFleet", "ec2:RunInstances"]
    resources = ["${local.arn_prefix}:launch-template/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/${local.owner_tag_key}"
      values   = [var.name]
    }
  }

  # What a launch makes, and the template that a fleet takes the rest from.
  statement {
    sid     = "LaunchMachines"
    actions = ["ec2:CreateFleet", "ec2:CreateLaunchTemplate", "ec2:RunInstances"]
    resources = [
      "${local.arn_prefix}:fleet/*",
      "${local.arn_prefix}:instance/*",
      "${local.arn_prefix}:launch-template/*",
      "${local.arn_prefix}:volume/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/${local.owner_tag_key}"
      values   = [var.name]
    }
  }

  # A tag is given by the call that makes the thing, and never to what is there already.
  statement {
    sid     = "TagAtLaunch"
    actions = ["ec2:CreateTags"]
    resources = [
      "${local.arn_prefix}:fleet/*",
      "${local.arn_prefix}:instance/*",
      "${local.arn_prefix}:launch-template/*",
      "${local.arn_prefix}:network-interface/*",
      "${local.arn_prefix}:spot-instances-request/*",
      "${local.arn_prefix}:volume/*",
      "arn:${local.partition}:ec2:${local.region}::image/*",
      "arn:${local.partition}:ec2:${local.region}::snapshot/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/${local.owner_tag_key}"
      values   = [var.name]
    }

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["CreateFleet", "CreateImage", "CreateLaunchTemplate", "RunInstances"]
    }
  }

  statement {
    sid       = "EndMachines"
    actions   = ["ec2:TerminateInstances"]
    resources = ["${local.arn_prefix}:instance/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/${local.owner_tag_key}"
      values   = [var.name]
    }
  }

  # For pools that keep stopped machines (stopped_count), and for `mayfly image build`, which stops the machine that it makes an image of.
  statement {
    sid       = "StopAndStartMachines"
    actions   = ["ec2:StartInstances", "ec2:StopInstances"]
    resources = ["${local.arn_prefix}:instance/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/${local.owner_tag_key}"
      values   = [var.name]
    }
  }

  # What is left over of machines that are gone, and templates of settings that no pool has any more.
  statement {
    sid = "SweepLeftovers"
    actions = [
      "ec2:CancelSpotInstanceRequests",
      "ec2:DeleteLaunchTemplate",
      "ec2:DeleteNetworkInterface",
      "ec2:DeleteVolume",
    ]
    resources = [
      "${local.arn_prefix}:launch-template/*",
      "${local.arn_prefix}:network-interface/*",
      "${local.arn_prefix}:spot-instances-request/*",
      "${local.arn_prefix}:volume/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/${local.owner_tag_key}"
      values   = [var.name]
    }
  }

  # `mayfly image build`: the machine that an image is made of is launched as any other.
  statement {
    sid       = "ImageBuilders"
    actions   = ["ec2:CreateImage"]
    resources = ["${local.arn_prefix}:instance/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/${local.owner_tag_key}"
      values   = [var.name]
    }
  }

  # Images and snapshots have no account in their names.
  statement {
    sid     = "BuildImages"
    actions = ["ec2:CreateImage"]
    resources = [
      "arn:${local.partition}:ec2:${local.region}::image/*",
      "arn:${local.partition}:ec2:${local.region}::snapshot/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/${local.owner_tag_key}"
      values   = [var.name]
    }
  }

  statement {
    sid     = "RemoveImages"
    actions = ["ec2:DeleteSnapshot", "ec2:DeregisterImage"]
    resources = [
      "arn:${local.partition}:ec2:${local.region}::image/*",
      "arn:${local.partition}:ec2:${local.region}::snapshot/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/${local.owner_tag_key}"
      values   = [var.name]
    }
  }

  # What a machine that does not come up wrote to its console.
  statement {
    sid       = "ReadConsoles"
    actions   = ["ec2:GetConsoleOutput"]
    resources = ["${local.arn_prefix}:instance/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/${local.owner_tag_key}"
      values   = [var.name]
    }
  }

  # Whatever the manager is made to ask for: no machine whose metadata service answers without a session or beyond the
  # machine itself, and no volume in the clear. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ExamplePolicies_EC2.html
  statement {
    sid       = "RequireImdsV2"
    effect    = "Deny"
    actions   = ["ec2:RunInstances"]
    resources = ["${local.arn_prefix}:instance/*"]

    condition {
      test     = "StringNotEquals"
      variable = "ec2:MetadataHttpTokens"
      values   = ["required"]
    }
  }

  statement {
    sid       = "RequireHopLimitOne"
    effect    = "Deny"
    actions   = ["ec2:RunInstances"]
    resources = ["${local.arn_prefix}:instance/*"]

    condition {
      test     = "NumericGreaterThan"
      variable = "ec2:MetadataHttpPutResponseHopLimit"
      values   = ["1"]
    }
  }

  statement {
    sid       = "RequireEncryption"
    effect    = "Deny"
    actions   = ["ec2:RunInstances"]
    resources = ["${local.arn_prefix}:volume/*"]

    condition {
      test     = "Bool"
      variable = "ec2:Encrypted"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = var.machine_instance_profile[*]

    content {
      sid       = "PassMachineRole"
      actions   = ["iam:PassRole"]
      resources = [statement.value.role_arn]

      condition {
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = ["ec2.amazonaws.com"]
      }
    }
  }

  # EC2 uses the key in the name of whoever launches.
  dynamic "statement" {
    for_each = var.kms_key_arn[*]

    content {
      sid       = "UseVolumeKey"
      actions   = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["ec2.${local.region}.amazonaws.com"]
      }
    }
  }

  dynamic "statement" {
    for_each = aws_s3_bucket.cache

    content {
      sid       = "UseCacheObjects"
      actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
      resources = ["${statement.value.arn}/*"]
    }
  }

  dynamic "statement" {
    for_each = aws_s3_bucket.cache

    content {
      sid       = "ListCache"
      actions   = ["s3:ListBucket"]
      resources = [statement.value.arn]
    }
  }

  dynamic "statement" {
    for_each = aws_cloudwatch_log_group.manager

    content {
      sid       = "WriteLog"
      actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      resources = ["${statement.value.arn}:*"]
    }
  }
}

data "aws_iam_policy_document" "ec2_assumes" {
  statement {
    sid     = "Ec2Assumes"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "manager" {
  name_prefix        = "${var.name}-manager-"
  description        = "mayfly: the manager"
  assume_role_policy = data.aws_iam_policy_document.ec2_assumes.json
  tags               = local.tags
}

resource "aws_iam_role_policy" "manager" {
  name   = "mayfly"
  role   = aws_iam_role.manager.id
  policy = data.aws_iam_policy_document.manager.json
}

resource "aws_iam_instance_profile" "manager" {
  name_prefix = "${var.name}-manager-"
  role        = aws_iam_role.manager.name
  tags        = local.tags
}

resource "aws_iam_service_linked_role" "spot" {
  count = var.create_spot_service_linked_role ? 1 : 0

  aws_service_name = "spot.amazonaws.com"
}
