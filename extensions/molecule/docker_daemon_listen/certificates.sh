#!/usr/bin/env bash
# certificates.sh DIRECTORY ALGORITHM: an authority, and a certificate of this host and of a client, as role docker_tls lays them out
set -euo pipefail
mkdir -p "$1"
cd "$1"
umask 077
openssl req -x509 -newkey "$2" -nodes -keyout ca-key.pem -out ca.pem -days 2 -subj /CN=authority
address=$(ip -4 -brief address show eth0 | awk '{sub("/.*", "", $3); print $3}')
for name in server client; do
  openssl req -newkey "$2" -nodes -keyout "$name-key.pem" -out "$name.csr" -subj "/CN=$name"
  printf 'extendedKeyUsage=%sAuth\nsubjectAltName=IP:127.0.0.1,IP:%s\n' "$name" "$address" >extensions
  openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 1 -extfile extensions -out "$name-cert.pem"
done
chmod 0444 ca.pem ./*-cert.pem
chmod 0400 ./*-key.pem
rm ./*.csr extensions
