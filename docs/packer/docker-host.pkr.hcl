# A golden image of a Docker host with Packer and QEMU: starts a cloud image of Debian, hardens it with bulkhead.docker, seals it.
#   packer build -var image=https://cloud.debian.org/images/cloud/trixie/latest/debian-13-genericcloud-amd64.qcow2 \
#     -var checksum=file:https://cloud.debian.org/images/cloud/trixie/latest/SHA512SUMS docker-host.pkr.hcl
# Needs the plugins qemu and ansible (Packer before 1.7 has them built in), and ansible-playbook with this collection.

variable "image" {
  type        = string
  description = "The cloud image to start from, a path or an address."
}

variable "checksum" {
  type        = string
  description = "Of the image, as Packer's iso_checksum takes it."
}

variable "options" {
  type        = string
  default     = "options.yml"
  description = "A file with the roles' options, such as docker_daemon_profile."
}

# Only for the build: the user and its key go with the seal, and cloud-init makes users anew on each machine.
variable "key" {
  type        = string
  default     = "~/.ssh/id_ed25519"
  description = "A private key, whose public half lies beside it, to reach the machine with while it is built."
}

locals {
  user_data = join("\n", [
    "#cloud-config",
    "users:",
    "  - name: packer",
    "    sudo: ALL=(ALL) NOPASSWD:ALL",
    "    ssh_authorized_keys: [\"${trimspace(file("${var.key}.pub"))}\"]",
    "",
  ])
}

source "qemu" "docker_host" {
  iso_url      = var.image
  iso_checksum = var.checksum
  disk_image   = true
  disk_size    = "10G"
  format       = "qcow2"
  accelerator  = "kvm"
  headless     = true
  memory       = 2048
  cpus         = 2

  # cloud-init reads it over the network that Packer has with its machine
  http_content = {
    "/user-data" = local.user_data
    "/meta-data" = ""
  }
  qemuargs = [["-smbios", "type=1,serial=ds=nocloud-net;s=http://{{ .HTTPIP }}:{{ .HTTPPort }}/"]]

  ssh_username         = "packer"
  ssh_private_key_file = var.key
  shutdown_command     = "sudo shutdown --poweroff now"
  output_directory     = "docker-host"
  vm_name              = "docker-host.qcow2"
}

build {
  sources = ["source.qemu.docker_host"]

  # the machine runs, and is there only to become an image
  provisioner "ansible" {
    playbook_file = "image.yml"
    user          = "packer"
    use_proxy     = false
    extra_arguments = [
      "--extra-vars", "@${var.options}",
      "--extra-vars", "docker_image_accept_live=true",
    ]
  }

  # last, after the connection that Ansible had: what lets Packer in
  provisioner "shell" {
    inline = [
      "sudo rm --force --recursive /home/packer/.ssh /etc/sudoers.d/90-cloud-init-users",
      "sudo truncate --size 0 /etc/machine-id",
    ]
  }
}
