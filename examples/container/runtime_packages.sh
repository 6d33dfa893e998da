#!/usr/bin/env bash
# Prints the Debian packages that own the shared libraries of these files, one package on each line.
#
#   examples/container/runtime_packages.sh FILE...
set -euo pipefail
ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u | while read -r library; do
  # /lib is a link to /usr/lib, and a package may know its file under either name.
  owner=$(dpkg-query --search "$library" 2> /dev/null || dpkg-query --search "/usr$library" 2> /dev/null ||
    dpkg-query --search "${library#/usr}" 2> /dev/null) || {
    echo "runtime_packages: no package owns $library" >&2
    exit 1
  }
  echo "${owner%%:*}"
done | sort -u
