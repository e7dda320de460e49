variable "name" {
  description = "Name of the manager: the value of the owner tag on all that it launches, and the start of every name in this module."
  type        = string
  default     = "mayfly"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", var.name))
    error_message = "Expected name to be of a-z, 0-9 and inner dashes, at most 32 characters."
  }
}

variable "tags" {
  description = "Tags for everything that this module makes, beside its own."
  type        = map(string)
  default     = {}

  validation {
    condition     = !anytrue([for key in keys(var.tags) : startswith(key, "mayfly:")])
    error_message = "Expected no key in tags to start with mayfly: those are the manager's own."
  }
}

variable "pools" {
  description = "The pools of the manager, by name; each becomes a [[pool]] of mayfly.toml. What is left out takes mayfly's default. A pool that costs nothing to try is {}."
  type = map(object({
    max_machines   = optional(number, 10)
    idle_count     = optional(number, 1)
    stopped_count  = optional(number, 0)
    idle_time      = optional(string, "10m")
    job_timeout    = optional(string, "1h")
    docker         = optional(string, "dind")
    instance_types = optional(list(string), ["m7i.large", "m7a.large", "m6i.large"])
    market         = optional(string, "on-demand")
    disk_gib       = optional(number, 30)
  }))
  default = { default = {} }

  validation {
    condition     = length(var.pools) > 0 && alltrue([for name in keys(var.pools) : can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", name))])
    error_message = "Expected at least one pool, each with a name of a-z, 0-9 and inner dashes, at most 63 characters."
  }

  validation {
    condition     = alltrue([for pool in var.pools : pool.max_machines >= 1 && pool.idle_count >= 0 && pool.idle_count <= pool.max_machines])
    error_message = "Expected 0 <= idle_count <= max_machines and max_machines >= 1 in each pool."
  }

  validation {
    condition     = alltrue([for pool in var.pools : pool.stopped_count >= 0 && pool.idle_count + pool.stopped_count <= pool.max_machines])
    error_message = "Expected 0 <= stopped_count and idle_count + stopped_count <= max_machines in each pool."
  }

  validation {
    condition     = alltrue([for pool in var.pools : pool.stopped_count == 0 || pool.market == "on-demand"])
    error_message = "Expected market to be on-demand in each pool with a stopped_count: spot machines cannot be stopped and started again."
  }

  validation {
    condition     = alltrue([for pool in var.pools : contains(["dind", "socket", "none"], pool.docker)])
    error_message = "Expected docker to be dind, socket or none in each pool."
  }

  validation {
    condition     = alltrue([for pool in var.pools : length(pool.instance_types) > 0 && alltrue([for type in pool.instance_types : can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", type))])])
    error_message = "Expected at least one instance type, such as m7i.large, in each pool."
  }

  validation {
    condition     = alltrue([for pool in var.pools : contains(["on-demand", "spot-first", "spot"], pool.market)])
    error_message = "Expected market to be on-demand, spot-first or spot in each pool."
  }

  validation {
    condition     = alltrue([for pool in var.pools : pool.disk_gib >= 8 && pool.disk_gib <= 16384])
    error_message = "Expected disk_gib to be from 8 to 16384 in each pool."
  }
}

# --- network ---

variable "vpc_id" {
  description = "An existing VPC to use; null makes one."
  type        = string
  default     = null

  validation {
    condition     = var.vpc_id == null || can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "Expected vpc_id to be null or the id of a VPC, such as vpc-0123456789abcdef0."
  }
}

variable "subnet_ids" {
  description = "Existing subnets of vpc_id for the machines, best one a zone, with a way out to the internet; empty with a new VPC."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "Expected subnet_ids to hold ids of subnets, such as subnet-0123456789abcdef0."
  }
}

variable "manager_subnet_id" {
  description = "Existing subnet of vpc_id for the manager; null takes the first of subnet_ids. With a new VPC it has no effect."
  type        = string
  default     = null
}

variable "vpc_cidr" {
  description = "IPv4 range of the new VPC, /16 to /22. A quarter of it goes to public subnets, which hold nothing but NAT gateways."
  type        = string
  default     = "10.64.0.0/16"

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && can(regex("/(1[6-9]|2[0-2])$", var.vpc_cidr))
    error_message = "Expected vpc_cidr to be an IPv4 range from /16 to /22."
  }
}

variable "zone_count" {
  description = "Zones that the new VPC spans, 1-3. Spot capacity differs by zone: three are better than one."
  type        = number
  default     = 3

  validation {
    condition     = contains([1, 2, 3], var.zone_count)
    error_message = "Expected zone_count to be 1, 2 or 3."
  }
}

variable "nat_gateways" {
  description = "NAT gateways of the new VPC: single, or per_zone, which outlives the loss of a zone and costs as often."
  type        = string
  default     = "single"

  validation {
    condition     = contains(["single", "per_zone"], var.nat_gateways)
    error_message = "Expected nat_gateways to be single or per_zone."
  }
}

# --- machines ---

variable "architecture" {
  description = "Processors of the machines: x86_64 or arm64. It chooses the stock image; the instance types of the pools must match."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "Expected architecture to be x86_64 or arm64."
  }
}

variable "machine_image_id" {
  description = "Image of the machines; null takes the newest stock Debian 12 of Debian's own account. A prepared image boots far sooner: `mayfly image build --driver ec2`."
  type        = string
  default     = null

  validation {
    condition     = var.machine_image_id == null || can(regex("^ami-[0-9a-f]+$", var.machine_image_id))
    error_message = "Expected machine_image_id to be null or the id of an image, such as ami-0123456789abcdef0."
  }
}

variable "machine_image_is_prepared" {
  description = "Whether the image holds the Docker engine; else each machine installs it at its first boot. Null takes a given image for a prepared one."
  type        = bool
  default     = null
}

variable "machine_instance_profile" {
  description = "Name of the machines' instance profile, with the role in it. Every job can use that role; null gives them none."
  type = object({
    name     = string
    role_arn = string
  })
  default = null
}

variable "kms_key_arn" {
  description = "The account's default key for EBS, where that is a customer-managed one: the manager's role must be let use it. Null for AWS's own."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "Expected kms_key_arn to be null or the ARN of a KMS key."
  }
}

variable "create_spot_service_linked_role" {
  description = "Makes the account's service-linked role for spot. An account needs it once: leave this false where spot was ever used."
  type        = bool
  default     = false
}

# --- manager ---

variable "mayfly_package" {
  description = "What npm installs on the manager's host: the https URL of a tarball that `npm pack` made of mayfly."
  type        = string

  validation {
    condition     = can(regex("^https://[A-Za-z0-9._~:/?&=%@+-]+$", var.mayfly_package))
    error_message = "Expected mayfly_package to be an https URL of a tarball."
  }
}

variable "manager_instance_type" {
  description = "Instance type of the manager's host, of x86_64. It holds a connection a machine and no images: small is enough."
  type        = string
  default     = "t3.small"
}

variable "manager_image_id" {
  description = "Image of the manager's host, of Debian or Ubuntu; null takes the newest stock Debian 13."
  type        = string
  default     = null
}

variable "manager_disk_gib" {
  description = "Root volume of the manager's host, in GiB, 8-1024: its store and the logs of jobs."
  type        = number
  default     = 20

  validation {
    condition     = var.manager_disk_gib >= 8 && var.manager_disk_gib <= 1024
    error_message = "Expected manager_disk_gib to be from 8 to 1024."
  }
}

variable "manager_ssh_security_group_ids" {
  description = "Security groups, of a bastion for instance, that may log in on the manager's host over SSH. Ranges of addresses are refused on purpose."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.manager_ssh_security_group_ids : can(regex("^sg-[0-9a-f]+$", id))])
    error_message = "Expected manager_ssh_security_group_ids to hold ids of security groups, such as sg-0123456789abcdef0."
  }
}

variable "manager_key_name" {
  description = "EC2 key pair for people who log in on the manager's host; null for none. Machines never have one."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Sends the manager's log to CloudWatch and keeps it for so many days; null leaves it in the journal of the host."
  type        = number
  default     = null

  validation {
    condition     = var.log_retention_days == null || contains([1, 3, 5, 7, 14, 30, 60, 90, 180, 365], coalesce(var.log_retention_days, 1))
    error_message = "Expected log_retention_days to be null or one of 1, 3, 5, 7, 14, 30, 60, 90, 180, 365."
  }
}

# --- cache and mirror ---

variable "cache_bucket" {
  description = "Makes an S3 bucket for the caches of jobs, which the manager's role may read and write."
  type        = bool
  default     = false
}

variable "cache_expiration_days" {
  description = "Days after which an object of the cache bucket is deleted, at least 1."
  type        = number
  default     = 30

  validation {
    condition     = var.cache_expiration_days >= 1
    error_message = "Expected cache_expiration_days to be at least 1."
  }
}

variable "registry_mirror" {
  description = "Runs a pull-through cache of Docker Hub on a host of its own, which the machines pull from."
  type        = bool
  default     = false
}

variable "registry_mirror_instance_type" {
  description = "Instance type of the mirror's host, of x86_64."
  type        = string
  default     = "t3.small"
}

variable "registry_mirror_disk_gib" {
  description = "Volume of the mirror in GiB, at least 20."
  type        = number
  default     = 100

  validation {
    condition     = var.registry_mirror_disk_gib >= 20
    error_message = "Expected registry_mirror_disk_gib to be at least 20."
  }
}
