# Sourced by setup.sh: builds the native engine if it can, and otherwise says what to install. Everything also runs
# without the engine, on wasm. With --no-apt, or without root and passwordless sudo, no Debian package is installed.
# COLDSTART_REQUIRE_NATIVE=1: set-up fails if the engine cannot be built.
native_packages="g++ libdnnl-dev"
# COLDSTART_WITH_MPI=1: also what training under mpirun needs.
if [ "${COLDSTART_WITH_MPI:-}" = 1 ]; then native_packages="$native_packages libopenmpi-dev openmpi-bin"; fi

# If the version does not fit, "coldstart build-native" says why.
has_one_dnn() { command -v "${CXX:-g++}" >/dev/null && echo '#include <dnnl.hpp>' | "${CXX:-g++}" ${ONEDNN_ROOT:+"-I$ONEDNN_ROOT/include"} -x c++ -E - >/dev/null 2>&1; }

as_root=""
may_install=no
case " $* " in
  *" --no-apt "*) ;;
  *)
    if command -v apt-get >/dev/null; then
      if [ "$(id -u)" = 0 ]; then may_install=yes
      elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then may_install=yes; as_root="sudo -n"
      fi
    fi ;;
esac

lacks_mpi() { [ "${COLDSTART_WITH_MPI:-}" = 1 ] && ! command -v mpicxx >/dev/null; }
if { ! has_one_dnn || lacks_mpi; } && [ "$may_install" = yes ]; then
  echo "Installing $native_packages for the native engine (refuse with --no-apt)."
  # the package list may be missing or old: install, and only if that fails fetch the list and try again
  install_native() { DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -q --no-install-recommends $native_packages >/dev/null 2>"$apt_log"; }
  apt_log="$(mktemp)"
  install_native || { $as_root apt-get update -q >/dev/null 2>&1 && install_native; } || { echo "apt-get could not install $native_packages:" >&2; tail -n 3 "$apt_log" >&2; }
  rm -f "$apt_log"
fi

without_native() {
  echo "$1" >&2
  if [ "${COLDSTART_REQUIRE_NATIVE:-}" = 1 ]; then
    echo "COLDSTART_REQUIRE_NATIVE=1 asks for the native engine, and it was not built (see above)." >&2
    exit 1
  fi
}

if has_one_dnn; then
  npm run --silent build:native || without_native "Continuing without the native engine, on wasm."
else
  without_native "The native engine is left out; training runs on wasm, about ten times slower. To have it: apt-get install $native_packages"
fi
