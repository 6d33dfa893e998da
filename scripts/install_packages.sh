#!/usr/bin/env bash
# Installs what Primal needs from Debian's archive (names of Debian 12), and only what is missing:
# where everything is there it asks dpkg once and touches no network. As root it calls apt-get
# itself, otherwise through sudo.
#
#   scripts/install_packages.sh [EXTRA_PACKAGE...]
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"  # dpkg wants ldconfig, which a plain `su` leaves out of reach

packages=(
  g++ cmake ninja-build pkg-config
  libfmt-dev libhwy-dev nlohmann-json3-dev                   # tensor, solvers, nn
  libpng-dev libjpeg-dev libzip-dev libpugixml-dev libeigen3-dev  # data
  libtiff-dev libwebp-dev libdcmtk-dev                       # data: TIFF, WebP and DICOM pictures
  libcairo2-dev libfontconfig-dev fonts-dejavu-core          # data: figures
  libcli11-dev libtomlplusplus-dev libprotobuf-dev protobuf-compiler  # apps
  libopenmpi-dev openmpi-bin                                 # apps: training on several processes
  libgtest-dev libbenchmark-dev                              # tests, bench
  "$@"
)

if ! command -v dpkg-query > /dev/null; then
  echo "install_packages: no dpkg here, so please see to these yourself: ${packages[*]}" >&2
  exit 0
fi

# dpkg-query fails when it does not know one of the names, and still lists the others.
present=$(dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' "${packages[@]}" 2> /dev/null || true)
missing=()
for package in "${packages[@]}"; do
  grep -qxF "installed $package" <<< "$present" || missing+=("$package")
done
if [[ ${#missing[@]} == 0 ]]; then exit 0; fi

install="apt-get install -y --no-install-recommends ${missing[*]}"
if [[ $(id -u) == 0 ]]; then
  as_root=(env)
elif command -v sudo > /dev/null; then
  as_root=(sudo env)
else
  as_root=()
fi
give_up() {
  echo "install_packages: $1; please run as root:" >&2
  echo "  apt-get update && $install" >&2
  exit 1
}
if [[ ${#as_root[@]} == 0 ]]; then give_up "${#missing[@]} packages are missing and there is no sudo"; fi

echo "install_packages: installing ${missing[*]}"
apt=("${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120)
"${apt[@]}" update || give_up "apt-get update failed"
"${apt[@]}" install -y --no-install-recommends "${missing[@]}" || give_up "apt-get install failed"
