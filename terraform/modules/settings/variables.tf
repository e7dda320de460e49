variable "name" {
  description = "Name of the manager."
  type        = string
}

variable "region" {
  description = "AWS Region of the machines."
  type        = string
}

variable "pools" {
  description = "As the module above takes it, with every attribute there."
  type = map(object({
    max_machines   = number
    idle_count     = number
    stopped_count  = number
    idle_time      = string
    job_timeout    = string
    docker         = string
    instance_types = list(string)
    market         = string
    disk_gib       = number
  }))
}

variable "machine_image_id" {
  description = "Image of the machines."
  type        = string
}

variable "engine" {
  description = "Where the Docker engine of the machines comes from: baked or install."
  type        = string
}

variable "machine_subnet_ids" {
  description = "Subnets of the machines."
  type        = list(string)
}

variable "machine_security_group_id" {
  description = "Group of the machines."
  type        = string
}

variable "machine_profile_name" {
  description = "Instance profile of the machines; null for none."
  type        = string
}

variable "registry_mirror" {
  description = "URL of a mirror as machines see it; null for none."
  type        = string
}
