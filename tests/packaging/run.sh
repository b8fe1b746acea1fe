#!/usr/bin/env bash
# run.sh WAY SOURCE BUILD: builds tests/packaging/consumer.cpp against the library in one way, and
# runs it. The library is compiled the way the build folder's is, so that ccache knows its objects.
set -euo pipefail
way=$1 source=$2 build=$3
consumers=$source/tests/packaging
prefix=$build/packaging/installed
# Beside the build folder where that is one of ours: ccache knows objects by relative paths.
if [[ $(dirname "$build") == "$source/build" ]]; then
  work=$source/build/packaging-$way
else
  work=$build/packaging/$way
fi
rm -rf "$work"
mkdir -p "$work"

# configure SOURCE BUILD [OPTION...]: a quiet release configuration.
configure() {
  cmake -S "$1" -B "$2" -G Ninja -DCMAKE_BUILD_TYPE=Release -DLAMINA_WERROR=ON "${@:3}" >/dev/null
}

# use_from_c PREFIX: the shared library from C, and from Python with no compiler at all.
use_from_c() {
  local model=$source/models/data/digits.lamina picture=$source/models/data/digits/digit-3.png
  local library flags
  library=$(find "$1" -name liblamina.so)
  diff <(nm -D --defined-only "$library" | awk '$3 ~ /^lamina_/ { print $3 }' | sort) \
    "$source/capi/symbols.txt"
  PKG_CONFIG_PATH=$(dirname "$(find "$1" -name lamina.pc)")
  export PKG_CONFIG_PATH
  flags=$(pkg-config --cflags --libs lamina)
  # shellcheck disable=SC2086 # one word each
  "${CC:-gcc}" -std=c11 "$source/examples/classify.c" $flags -Wl,-rpath,"$(dirname "$library")" \
    -o "$work/classify"
  "$work/classify" "$model" "$picture" | tee "$work/from_c"
  python3 "$source/examples/classify_ctypes.py" "$library" "$model" "$picture" |
    diff - "$work/from_c"
}

# check_packages: the Debian packages of the build in $work, unpacked side by side: no file is in
# two of them, dependencies were found, and the programs run.
check_packages() {
  local deb root=$work/root all=$work/files
  (cd "$work" && cpack -B "$work/debs" >/dev/null)
  for deb in "$work"/debs/*.deb; do
    dpkg-deb -c "$deb" | awk '!/\/$/ { print $6 }' >>"$all"
    dpkg-deb -x "$deb" "$root"
  done
  if [[ -n $(sort "$all" | uniq -d) ]]; then
    echo "in two packages: $(sort "$all" | uniq -d)" >&2
    exit 1
  fi
  dpkg-deb -f "$work"/debs/liblamina0.1_*.deb Depends | grep -q 'libjpeg62-turbo'
  dpkg-deb -f "$work"/debs/liblamina-dev_*.deb Depends | grep -q 'liblamina0.1 (= '
  [[ $(readelf -d "$root"/usr/lib/*/liblamina.so) == *'[liblamina.so.0.1]'* ]]
  test -f "$root/usr/share/man/man1/vgg16-infer.1"
  "$root/usr/bin/vgg16-infer" -q -k 1 -m "$source/models/data/digits.lamina" \
    "$source/models/data/digits/digit-3.png"
}

case $way in
  install)
    rm -rf "$prefix"
    cmake --install "$build" --prefix "$prefix" >/dev/null
    test -f "$prefix/include/lamina/core/tensor.h"
    ;;
  find_package)
    configure "$consumers/find_package" "$work" --no-warn-unused-cli -DCMAKE_PREFIX_PATH="$prefix"
    cmake --build "$work"
    "$work/consumer"
    ;;
  pkg_config)
    PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name lamina.pc)")
    export PKG_CONFIG_PATH
    flags=$(pkg-config --static --cflags --libs lamina)
    # shellcheck disable=SC2086 # one word each
    "${CXX:-g++}" -std=c++20 "$consumers/consumer.cpp" $flags -o "$work/consumer"
    "$work/consumer"
    ;;
  add_subdirectory)
    # Also the build without all that can be left out, which links what it needs with nothing.
    configure "$consumers/add_subdirectory" "$work" -DLAMINA_SOURCE_DIR="$source" \
      -DLAMINA_DOWNLOAD=OFF -DLAMINA_CUDA=OFF -DLAMINA_C_API=OFF
    cmake --build "$work"
    if ldd "$work/consumer" | grep -E 'curl|crypto|cuda'; then
      echo "linked with what was to be left out" >&2
      exit 1
    fi
    "$work/consumer"
    ;;
  shared_library)
    configure "$source" "$work" -DBUILD_SHARED_LIBS=ON -DLAMINA_BUILD_TESTS=OFF -DCMAKE_INSTALL_PREFIX=/usr
    cmake --build "$work"
    cmake --install "$work" --prefix "$work/installed" >/dev/null
    "$consumers/check_symbols" "$work/liblamina.so"
    configure "$consumers/find_package" "$work/consumer" --no-warn-unused-cli -DCMAKE_PREFIX_PATH="$work/installed"
    cmake --build "$work/consumer"
    "$work/consumer/consumer"
    use_from_c "$work/installed"
    if command -v dpkg-shlibdeps >/dev/null; then
      check_packages
    fi
    ;;
  *)
    echo "run.sh: no such way: $way" >&2
    exit 2
    ;;
esac
