// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.hpp"

namespace mayfly::cli {

std::string_view bash_completion() noexcept {
  return R"BASH(# bash completion for mayfly: source <(mayfly completion bash)
_mayfly() {
  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD - 1]}" command="${COMP_WORDS[1]}" i
  COMPREPLY=()
  if [[ $word == = ]]; then  # bash splits --option=value at the '='
    word=
  elif [[ $before == = ]]; then
    before="${COMP_WORDS[COMP_CWORD - 2]}"
  fi
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W 'run boot exec ps status balloon stop kill wait pause resume logs metrics gc device pool doctor exits timeline completion --help --version' -- "$word")
    return
  fi
  for ((i = 2; i < COMP_CWORD; i++)); do
    [[ ${COMP_WORDS[i]} != -- ]] || return 0
  done
  case "$command:$before" in
    run:--config | run:--image | run:--kernel | run:--timeline | run:--disk | run:--vsock | run:--cgroup | gc:--cgroup | boot:--image | boot:--kernel | boot:--json)
      mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    run:--console)
      mapfile -t COMPREPLY < <(compgen -W 'tty none' -- "$word"; compgen -f -- "$word") ;;
    run:--pages | boot:--pages)
      mapfile -t COMPREPLY < <(compgen -W 'auto 4k thp 2m 1g' -- "$word") ;;
    run:--pages-fallback | boot:--pages-fallback)
      mapfile -t COMPREPLY < <(compgen -W 'error queue small' -- "$word") ;;
    run:--prefault | boot:--prefault)
      mapfile -t COMPREPLY < <(compgen -W 'none boot all' -- "$word") ;;
    run:--numa | boot:--numa)
      mapfile -t COMPREPLY < <(compgen -W "$(</sys/devices/system/node/has_memory)" -- "$word") ;;
    run:--sandbox | boot:--sandbox)
      mapfile -t COMPREPLY < <(compgen -W 'on log off' -- "$word") ;;
    run:--pool | boot:--pool | pool:--socket | pool:--status)
      mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    run:--memory | boot:--memory)
      mapfile -t COMPREPLY < <(compgen -W '128M 512M 2G' -- "$word") ;;
    run:--balloon | boot:--balloon)
      mapfile -t COMPREPLY < <(compgen -W '0 256M 1G' -- "$word") ;;
    run:--dma-window)
      mapfile -t COMPREPLY < <(compgen -W '64M 256M 1G' -- "$word") ;;
    run:--dedicated-cpus)
      mapfile -t COMPREPLY < <(compgen -W "$(</sys/devices/system/cpu/isolated)" -- "$word") ;;
    boot:--repeat)
      mapfile -t COMPREPLY < <(compgen -W '10 100 1000' -- "$word") ;;
    run:--device)
      mapfile -t COMPREPLY < <(for i in /sys/bus/pci/drivers/vfio-pci/*:*; do compgen -W "vfio=${i##*/}" -- "$word"; done) ;;
    run:--net)
      mapfile -t COMPREPLY < <(for i in /sys/class/net/*/tun_flags; do i="${i%/*}"; compgen -W "tap=${i##*/}" -- "$word"
        [[ $(cat "$i/tun_flags" 2>/dev/null) != 0x*[13579bdf]?? ]] || compgen -W "tap=${i##*/},queues=" -- "$word"; done) ;;
    run:--log-format | boot:--log-format | exec:--log-format | device:--log-format | pool:--log-format)
      mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$word") ;;
    exec:--env | exec:--workdir | exec:--user | exec:--timeout) ;;
    exec:* | status:* | balloon:* | stop:* | kill:* | wait:* | pause:* | resume:* | logs:* | metrics:*)
      case "$command:$before:$word" in
        exec:*:-*) i='--env --workdir --user --timeout --log-format --help --version --' ;;
        logs:*:-*) i='--follow --timestamps --help --version' ;;
        status:*:-*) i='--json --watch --help --version' ;;
        stop:--timeout:*) i='10s 1m' ;;
        stop:*:-*) i='--timeout --help --version' ;;
        *:-*) i='--help --version' ;;
        *:"$command":* | exec:* | metrics:*)
          if [[ $XDG_RUNTIME_DIR == /* ]]; then i="$XDG_RUNTIME_DIR/mayfly"; elif ((EUID == 0)); then i=/run/mayfly; else i="/tmp/mayfly-$EUID"; fi
          i="$(ls "$i" 2>/dev/null | sed -n 's/\.sock$//p')" ;;
        balloon:*) i='0 256M 1G' ;;
        *) i= ;;
      esac
      mapfile -t COMPREPLY < <(compgen -W "$i" -- "$word") ;;
    ps:*)
      mapfile -t COMPREPLY < <(compgen -W '--json --help --version' -- "$word") ;;
    gc:*)
      mapfile -t COMPREPLY < <(compgen -W '--cgroup --help --version' -- "$word") ;;
    run:--cpus | run:--id | run:--env | run:--workdir | run:--user | run:--timeout | run:--cmdline-append) ;;
    boot:--cpus | boot:--env | boot:--workdir | boot:--user | boot:--timeout | boot:--cmdline-append) ;;
    boot:--p50 | boot:--p95 | boot:--p99) ;;
    run:*)
      mapfile -t COMPREPLY < <(compgen -W '--config --id --detach --events --device --net --disk --module --vsock --cgroup --dma-window --image --kernel --memory --cpus --dedicated --dedicated-cpus --pages --pages-fallback --numa --prefault --pool --sandbox --balloon --env --workdir
        --user --timeout --cmdline-append --timeline --console --until-ready --verify --log-format --help --version --' -- "$word") ;;
    boot:*)
      mapfile -t COMPREPLY < <(compgen -W '--image --repeat --p50 --p95 --p99 --timeout --json --kernel --memory --cpus
        --pages --pages-fallback --numa --prefault --pool --sandbox --balloon --env --workdir --user --cmdline-append --verify --log-format --help --version --' -- "$word") ;;
    completion:*)
      mapfile -t COMPREPLY < <(compgen -W 'bash --help --version' -- "$word") ;;
    timeline:*)
      mapfile -t COMPREPLY < <(compgen -W '--perfetto --help --version' -- "$word"; compgen -f -- "$word") ;;
    device:device)
      mapfile -t COMPREPLY < <(compgen -W 'list bind unbind serve --help --version' -- "$word") ;;
    device:--socket)
      mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    device:--iommu)
      mapfile -t COMPREPLY < <(compgen -W 'auto type1 iommufd' -- "$word") ;;
    device:*)
      [[ ${COMP_WORDS[2]} != list ]] || return 0
      if [[ ${COMP_WORDS[2]} == serve && $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--socket --iommu --log-format --help --version' -- "$word")
        return
      fi
      mapfile -t COMPREPLY < <(for i in /sys/bus/pci/devices/*; do compgen -W "${i##*/}" -- "$word"; done) ;;
    pool:*)
      mapfile -t COMPREPLY < <(compgen -W '--socket --status --log-format --help --version' -- "$word") ;;
    exits:--seconds)
      mapfile -t COMPREPLY < <(compgen -W '1 10 60' -- "$word") ;;
    exits:*)
      if [[ " ${COMP_WORDS[*]} " == *' --compare '* ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
      fi
      mapfile -t COMPREPLY < <(compgen -W "--all --seconds --json --compare --help --version $(pgrep -x mayfly)" -- "$word") ;;
    doctor:--record | doctor:--host)
      mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    doctor:*)
      mapfile -t COMPREPLY < <(compgen -W '--json --record --host --help --version' -- "$word") ;;
  esac
}
complete -o filenames -F _mayfly mayfly
)BASH";
}

}  // namespace mayfly::cli
