# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the benchmarks share: options that name the product, and the files that L1 gets. Source it.

bench_dir="$(dirname "$(realpath "${BASH_SOURCE[0]}")")"
checkout="$(realpath "$bench_dir/../..")"
# shellcheck source=ci/lib/packages.sh
source "$checkout/ci/lib/packages.sh"

mayfly="$checkout/build/bin/mayfly"
vmlinux="$checkout/build/lib/mayfly/vmlinux"
image="$checkout/build/demo/python.img"
json=""
guest_memory=512M
guest_cpus=1
systems_file=systems # of l1/, what it can boot
launch_options=() # of launch_frame.py
# shellcheck disable=SC2034  # who sources this reads it.
readonly guest_net=(--net "02:00:00:09:00:02=10.9.0.2/24") # as l1/peer has it
exits_boots="" # of each system at the end, in which exits are traced; 1 where nothing is said

die() {
  echo "${0##*/}: $*" >&2
  exit 1
}

progress() {
  echo "bench: $*" >&2
}

# Reads one of the options that all benchmarks have; fails for any other.
read_common_option() {
  case $1 in
    --json) json="$2" ;;
    --mayfly) mayfly="$2" ;;
    --kernel) vmlinux="$2" ;;
    --image) image="$2" ;;
    *) return 1 ;;
  esac
}

# build_image FROM TO OPTION...: an image of a directory or an archive.
build_image() {
  local builder="$checkout/build/bin/mayfly-image"
  [[ -x $builder ]] || die "there is no $builder; ci/quickstart makes it"
  "$builder" build --quiet --from "$1" --output "$2" "${@:3}" || die "there is no image $2; the reason of mayfly-image is above"
}

# build_load NAME: the program of NAME_load.cpp, which is $work/root/NAME-load.
# shellcheck disable=SC2154  # work is the caller's.
build_load() {
  mkdir -p "$work/root"
  g++ -std=c++20 -O2 -static -s -o "$work/root/$1-load" "$bench_dir/$1_load.cpp"
}

# Makes an image of that program alone, and uses it.
make_load_image() {
  build_load "$1"
  image="$work/$1.img"
  build_image "$work/root" "$image"
}

# require_place OPTION FILE: fails where a file that is asked for could not be written.
require_place() {
  [[ -z $2 || (-d $(dirname "$2") && -w $(dirname "$2")) ]] || die "cannot write $2; give $1 a place that can be written"
}

# Prints why no guest can be traced on this machine's own KVM; nothing where one can.
own_kvm_lacks() {
  if ! grep -qE '^flags.* (vmx|svm)( |$)' /proc/cpuinfo || [[ ! -r /dev/kvm || ! -w /dev/kvm ]]; then
    echo "its KVM is not there, not to be used, or can only emulate"
  elif [[ ! -w /sys/kernel/tracing/trace_clock ]]; then
    echo "the ready mark is traced, which needs root and tracefs at /sys/kernel/tracing"
  fi
}

# Fails before the long part when something is missing or the figures could not be kept.
require_product() {
  local file
  for file in "$mayfly" "$vmlinux" "$image"; do
    [[ -f $file ]] || die "there is no $file; ci/quickstart makes it"
  done
  require_place --json "$json"
  require_packages qemu-system-x86 qemu-system-data python3 binutils g++
}

# stage DIR WORD...: fills DIR with what l1/systems wants to find, for the workload named by the words.
stage() {
  local into="$1"
  shift
  printf '%s\n' "$@" >"$into/command"
  printf 'guest_memory=%s\nguest_cpus=%s\nexits_boots=%s\nsystems=%s\n' \
    "$guest_memory" "$guest_cpus" "$exits_boots" "$systems_file" >"$into/settings"
  "$bench_dir/launch_frame.py" ${launch_options[@]+"${launch_options[@]}"} "$image" "$@" >"$into/launch"
  cp "$bench_dir/l1/"* "$into/"
  ln -s "$(realpath "$mayfly")" "$into/mayfly"
  # The same bytes are loaded, but QEMU reads a symbol table where it finds one: 18 Minsn that it need not spend.
  strip --strip-all -o "$into/vmlinux" "$vmlinux" || die "$vmlinux is no ELF file; ci/quickstart makes one"
  ln -s "$(realpath "$image")" "$into/image"
}

# boot_counted RESULTS WARM BOOTS SYSTEM...: boots what is staged by turns, in a counted L1 started afresh with all files in its
# RAM; the traces go to RESULTS. $lab has options for ci/lab/counted.
# shellcheck disable=SC2154  # work and lab are the caller's.
boot_counted() {
  local results="$1" file
  shift
  local -a command=("$checkout/ci/lab/counted" "${lab[@]}" --results "$results" --file /usr/bin/qemu-system-x86_64)
  for file in bios-microvm.bin qboot.rom pvh.bin; do
    command+=(--file "$(realpath "/usr/share/qemu/$file"):/usr/share/qemu/$file")
  done
  for file in "$work/stage/"*; do
    command+=(--file "$file:/bench/${file##*/}")
  done
  "${command[@]}" -- /bin/busybox sh /bench/boots /bench "$@"
}

# As boot_counted, uncounted; what boots lies in L1's RAM there, too.
boot_by_the_clock() {
  local results="$1"
  shift
  run_by_the_clock "$results" /bin/busybox sh /run/bench/boots /run/bench "$@"
}

# run_by_the_clock RESULTS COMMAND...: runs a command in an uncounted L1, which has what is staged in /run/bench.
# shellcheck disable=SC2154  # work and lab are the caller's.
run_by_the_clock() {
  local results="$1"
  shift
  # shellcheck disable=SC2016  # for L1's shell
  "$checkout/ci/lab/lab" run "${lab[@]}" --results "$results" -- /bin/busybox sh -c \
    'from=$1 && shift && mkdir /run/bench && cp -L "$from"/* /run/bench && exec "$@"' \
    sh "$work/stage" "$@"
}
