#!/usr/bin/env bash
# Unpacks a software GPU into a folder, so that the tests of the backend webgpu run without a card: lavapipe, Mesa's
# Vulkan driver for processors, 25 or later (Dawn refuses older ones), with its libraries and Vulkan's loader.
# Tests of matrix units take lavapipe 26, with the libraries of Debian 13 that it needs.
# Everything lies in software-gpu/; nothing is installed, and root is not needed. apt-get checks the packages against
# Debian's signatures. Repeats cheaply. Without a network it takes SwiftShader from an installed Chromium.
# scripts/run-tests.mjs finds the folder. Exit status 1 if there is neither.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
folder="$root/software-gpu"
if [ -f "$folder/env" ]; then exit 0; fi

# The variables with which a process finds the driver, as lines NAME=VALUE.
write_env() { # driver's description, folder of libraries, what it is
  printf 'VK_DRIVER_FILES=%s\nLD_LIBRARY_PATH=%s\n' "$1" "$2" >"$folder/env.part"
  mv "$folder/env.part" "$folder/env"
  echo "Software GPU for tests: $3, in software-gpu/."
}

# Unpacks packages and what they need into a folder.
unpack() { # folder, suites of Debian, packages, options of apt-get
  local target="$1" suites="$2" wanted="$3" work="$1.work" packages package name keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  shift 3
  rm -rf "$target" "$work"
  mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/packages"
  for name in $suites; do echo "deb [signed-by=$keyring] http://deb.debian.org/debian $name main"; done >"$work/sources.list"
  # separate lists: these suites stay unknown to the system
  local options=(-q -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$work/lists"
    -o "Dir::Cache=$work" -o "Dir::Cache::archives=$work/archives" -o Debug::NoLocking=1 -o APT::Sandbox::User= -o Acquire::Languages=none "$@")
  apt-get "${options[@]}" update >/dev/null || { echo "lavapipe: Debian's package list cannot be read." >&2; return 1; }
  packages="$(apt-get "${options[@]}" -s install --no-install-recommends $wanted | sed -n 's/^Inst \([^ ]*\) (.*/\1/p')"
  for name in $wanted; do packages="$(grep -vx "${name%/*}" <<<"$packages" || true)"; done
  (cd "$work/packages" && apt-get "${options[@]}" download $wanted $packages >/dev/null) || { echo "lavapipe: its packages cannot be downloaded." >&2; return 1; }
  for package in "$work"/packages/*.deb; do dpkg-deb -x "$package" "$target" || { echo "lavapipe: $package cannot be unpacked." >&2; return 1; }; done
  rm -rf "$work"
}

# The driver's description in an unpacked folder, and the folder of its libraries, in $description and $libraries.
find_driver() { # folder
  local driver
  driver="$(find "$1" -name libvulkan_lvp.so | head -n 1)"
  description="$(find "$1" -name 'lvp_icd*.json' | head -n 1)"
  [ -n "$driver" ] && [ -n "$description" ] || { echo "lavapipe: the packages have no such driver." >&2; return 1; }
  libraries="$(dirname "$driver")"
}

# lavapipe, and what it needs that the system lacks.
lavapipe() {
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { echo "lavapipe: this system has no apt-get." >&2; return 1; }
  local codename suites description libraries wanted
  codename="$(. /etc/os-release && echo "${VERSION_CODENAME:-}")"
  [ -f /usr/share/keyrings/debian-archive-keyring.gpg ] && [ "$(. /etc/os-release && echo "$ID")" = debian ] ||
    { echo "lavapipe: this is not Debian. Install your system's mesa-vulkan-drivers, 25 or later." >&2; return 1; }
  suites="$codename"
  wanted="libvulkan1/$codename mesa-vulkan-drivers/$codename" # whatever version is installed
  if [ "$codename" = bookworm ]; then
    suites="bookworm bookworm-backports"
    wanted="libvulkan1 mesa-vulkan-drivers/bookworm-backports libdrm2/bookworm-backports libdrm-amdgpu1/bookworm-backports"
  fi
  unpack "$folder/root" "$suites" "$wanted" || return 1
  find_driver "$folder/root" || return 1
  if LD_LIBRARY_PATH="$libraries" ldd "$libraries/libvulkan_lvp.so" | grep 'not found' >&2; then
    echo "lavapipe: these libraries are missing." >&2
    return 1
  fi
  matrix_units || echo "The tests of matrix units are skipped." >&2
  write_env "$description" "$libraries" "lavapipe"
}

# lavapipe 26 has matrix units. It needs a newer C library than Debian 12 has, so it comes with one, and with the loader
# that runs Node with these. Debian 13's libraries are all in software-gpu/matrix-units; only test processes use them.
matrix_units() {
  [ "$(dpkg --print-architecture)" = amd64 ] || { echo "lavapipe 26: this processor is not x86-64." >&2; return 1; }
  local description libraries root="$folder/matrix-units"
  unpack "$root" "trixie trixie-backports" "libc6 libstdc++6 libvulkan1 mesa-vulkan-drivers/trixie-backports" -o Dir::State::status=/dev/null || return 1
  find_driver "$root" || return 1
  [ -x "$libraries/ld-linux-x86-64.so.2" ] || { echo "lavapipe 26: its packages have no loader." >&2; return 1; }
}

swift_shader() {
  local chromium
  for chromium in /usr/lib/chromium /usr/lib/chromium-browser /opt/google/chrome; do
    if [ -f "$chromium/vk_swiftshader_icd.json" ] && [ -f "$chromium/libvulkan.so.1" ]; then
      write_env "$chromium/vk_swiftshader_icd.json" "$chromium" "SwiftShader of $chromium"
      return 0
    fi
  done
  echo "SwiftShader: no Chromium is installed." >&2
  return 1
}

mkdir -p "$folder"
lavapipe || swift_shader || { echo "No software GPU could be set up; the tests of the backend webgpu are skipped." >&2; exit 1; }
