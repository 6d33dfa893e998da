#!/usr/bin/env bash
# Sets up the peers: Debian's PyTorch and scikit-image for the system's Python and oneDNN for our build (with
# apt-get, as root or through sudo), and the newest PyTorch of PyPI in build/peers/venv. PyPI has the build
# with CUDA's libraries only: a download of 3 GB that takes 6 GB; another index has a smaller one.
#
#   bench/peers/setup.sh
#   PIP_INDEX_URL=https://download.pytorch.org/whl/cpu bench/peers/setup.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/install_packages.sh python3-torch python3-skimage python3-venv libdnnl-dev
/usr/bin/python3 -m venv build/peers/venv
build/peers/venv/bin/pip install --upgrade torch numpy
for python in /usr/bin/python3 build/peers/venv/bin/python; do
  "$python" -c 'import sys, torch; print(f"PyTorch {torch.__version__} in {sys.executable}")'
done
