# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034  # The other parts read these.
#
# The options of `lab run`, as variables that the other parts read.

mode=share # share, packed or vmx: where L1's root comes from
counted=no
vmx=no
memory="" # MiB
cpus=1
devices=()
files=()
kernel=""
modules="" # the directory of its modules, where it has any
own_kernel=no
hugepages_2m=0
nodes=1
hugepages_1g=0
time_limit=600 # seconds
results=""
scratch=50%
append=""
plugin=""
stdin=""
verbose=no
command=()

_whole_number() {
  [[ $2 =~ ^[0-9]{1,9}$ ]] || die "$1 takes a whole number, not '$2'"
}

# Prints an amount of memory such as 512M or 8G, or in MiB without a unit, as MiB.
_mebibytes() {
  local value="$2"
  [[ $value =~ ^([1-9][0-9]{0,6})([MG]?)$ ]] || die "$1 takes an amount such as 512M or 8G, not '$value'"
  case ${BASH_REMATCH[2]} in G) echo $((BASH_REMATCH[1] * 1024)) ;; *) echo "${BASH_REMATCH[1]}" ;; esac
}

_read_option() {
  case $1 in
    --memory) memory="$(_mebibytes "$1" "$2")" ;;
    --cpus) _whole_number "$1" "$2" && cpus="$2" ;;
    --device) devices+=("$2") ;;
    --file) files+=("$2") ;;
    --kernel) kernel="$2" ;;
    --nodes) _whole_number "$1" "$2" && nodes="$2" ;;
    --hugepages-2m) _whole_number "$1" "$2" && hugepages_2m="$2" ;;
    --hugepages-1g) _whole_number "$1" "$2" && hugepages_1g="$2" ;;
    --timeout) _whole_number "$1" "$2" && time_limit="$2" ;;
    --results) results="$2" ;;
    --scratch) scratch="$(_mebibytes "$1" "$2")M" ;;
    --append) append="$2" ;;
    --plugin) plugin="$2" ;;
    --stdin) stdin="$2" ;;
    *) die "no option '$1'; 'lab run --help' lists them" ;;
  esac
}

# Reads the words after `lab run`.
read_run_options() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --help | -h) run_help && exit 0 ;;
      --counted) counted=yes && shift ;;
      --vmx) vmx=yes && shift ;;
      --verbose) verbose=yes && shift ;;
      --own-kernel) own_kernel=yes && shift ;;
      --) shift && break ;;
      --*)
        [[ $# -ge 2 ]] || die "$1 needs a value; 'lab run --help' lists the options"
        _read_option "$1" "$2"
        shift 2
        ;;
      *) break ;;
    esac
  done
  command=("$@")
  _settle_options
}

# Settles where L1's root comes from, and what that excludes.
_settle_mode() {
  if [[ $vmx == yes ]]; then
    mode=vmx
    memory="${memory:-2048}"
    [[ $counted == no ]] || die "--vmx and --counted exclude each other: Bochs does not count"
    [[ -z $plugin ]] || die "--vmx and --plugin exclude each other: Bochs has no plugins of TCG"
    [[ ${#devices[@]} -eq 0 && -z $results ]] || die "--vmx takes neither --device nor --results: Bochs has no IOMMU and no 9P"
    [[ $memory -le 2048 ]] || die "--vmx takes at most 2G of --memory: Bochs has no more"
  elif [[ $counted == yes ]]; then
    mode=packed
  fi
  memory="${memory:-4096}"
  if [[ $mode == share ]]; then
    [[ ${#files[@]} -eq 0 ]] || die "--file is for --counted and --vmx; a plain run sees all of the machine's files"
  elif [[ ${command[0]} == */* && -f ${command[0]} ]]; then
    files+=("${command[0]}")
  fi
}

# Refuses what cannot be, and settles what follows from the rest.
_settle_options() {
  [[ ${#command[@]} -gt 0 ]] || die "no command to run; 'lab run --help' shows how"
  [[ -z $kernel || -f $kernel ]] || die "no kernel at '$kernel'"
  if [[ $own_kernel == yes ]]; then
    [[ -z $kernel && $vmx == no ]] || die "--own-kernel takes neither --kernel nor --vmx"
  fi
  [[ -z $stdin || $stdin == - || -r $stdin ]] || die "cannot read '$stdin' for --stdin"
  [[ $time_limit -gt 0 ]] || die "--timeout takes at least 1 second"
  _settle_mode
  [[ $nodes -ge 1 && $nodes -le 4 ]] || die "--nodes takes 1 to 4, not '$nodes'"
  [[ $mode != vmx || $nodes -eq 1 ]] || die "--nodes is not for --vmx: Bochs has one"
  [[ $((hugepages_2m * 2 + hugepages_1g * 1024)) -lt $memory ]] ||
    die "$hugepages_2m pages of 2 MiB and $hugepages_1g of 1 GiB do not fit in $memory MiB; give more --memory"
  if [[ -n $results ]]; then
    [[ -d $results && -w $results ]] || die "--results takes a directory that can be written, not '$results'"
    results="$(realpath -- "$results")"
  fi
}
