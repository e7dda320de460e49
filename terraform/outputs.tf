output "mayfly_toml" {
  description = "The configuration that the manager runs with: mayfly.toml, ready to be put elsewhere too."
  value       = module.settings.toml
}

output "manager_instance_id" {
  description = "Id of the manager's host."
  value       = aws_instance.manager.id
}

output "manager_private_ip" {
  description = "Address of the manager's host inside the VPC."
  value       = aws_instance.manager.private_ip
}

output "manager_security_group_id" {
  description = "Group of the manager: what may reach the machines' sshd."
  value       = aws_security_group.manager.id
}

output "manager_role_arn" {
  description = "Role of the manager, to hang further policies on."
  value       = aws_iam_role.manager.arn
}

output "manager_policy_json" {
  description = "The manager's policy, for a role or user that is made elsewhere."
  value       = data.aws_iam_policy_document.manager.json
}

output "machine_security_group_id" {
  description = "Group of the machines."
  value       = aws_security_group.machine.id
}

output "machine_launch_template_id" {
  description = "Launch template with everything about a machine but its user-data."
  value       = aws_launch_template.machine.id
}

output "machine_subnet_ids" {
  description = "Subnets of the machines."
  value       = local.machine_subnet_ids
}

output "vpc_id" {
  description = "The VPC, new or given."
  value       = local.vpc_id
}

output "cache_bucket" {
  description = "Name of the cache bucket; null without one."
  value       = one(aws_s3_bucket.cache[*].bucket)
}

output "registry_mirror" {
  description = "URL of the mirror as machines see it; null without one."
  value       = var.registry_mirror ? "http://${aws_instance.mirror[0].private_ip}:5000" : null
}
