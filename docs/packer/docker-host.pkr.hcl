# A golden image of a Docker host with Packer and QEMU: starts a cloud image of Debian, hardens it with bulkhead.docker, seals it.
#   packer build -var image=debian-13-genericcloud-amd64.qcow2 \
#     -var checksum=sha512:... docker-host.pkr.hcl
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

variable "key" {
  type        = string
  default     = "~/.ssh/id_ed25519"
  description = "The private key to reach the machine with while it is built."
}

# Such as, with an empty file meta-data beside it:
#   #cloud-config
#   users:
#     - name: packer
#       sudo: ALL=(ALL) NOPASSWD:ALL
#       ssh_authorized_keys: [ssh-ed25519 ...]
variable "cloud_init" {
  type        = string
  default     = "cloud-init"
  description = "A directory with the user-data of the build, which lets user packer in with the key."
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
  http_directory = var.cloud_init
  qemuargs       = [["-smbios", "type=1,serial=ds=nocloud-net;s=http://{{ .HTTPIP }}:{{ .HTTPPort }}/"]]

  ssh_username         = "packer"
  ssh_private_key_file = var.key
  # what lets Packer in goes last, when nobody needs it any more
  shutdown_command = "sudo sh -c 'rm --force /etc/sudoers.d/90-cloud-init-users; userdel --force --remove packer; shutdown --poweroff now'"
  output_directory = "docker-host"
  vm_name          = "docker-host.qcow2"
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
}
