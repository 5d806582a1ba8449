// SPDX-License-Identifier: Apache-2.0
#include "cli/declare_options.hpp"

#include <string>

namespace mayfly::cli {
namespace {

// What `run` and `boot` have in common.
void add_machine_options(Parser& parser, RunOptions& run) {
  parser.text("--image", run.image, "FILE", "Root file system, made by mayfly-image build");
  parser.text("--kernel", run.kernel, "FILE",
              "Guest kernel, an ELF vmlinux; else $MAYFLY_KERNEL, else ../lib/mayfly/vmlinux beside mayfly");
  parser.text("--memory", run.memory, "SIZE", "Guest memory, 32M or more; 512M when not given");
  parser.text("--cpus", run.cpus, "N", "Guest CPUs, 1 to 64; 1 when not given");
  parser.text("--pages", run.pages, "auto|4k|thp|2m|1g",
              "Host pages of guest memory; auto takes the best free");
  parser.text("--pages-fallback", run.pages_fallback, "error|queue|small",
              "When there are not enough free pages of --pages 2m or 1g: fail, wait until there are, or take "
              "the best free; error when not given");
  parser.text(
      "--numa", run.numa, "LIST",
      "NUMA nodes of the host that memory and CPUs are on, in equal parts; the guest has as many nodes");
  parser.text("--prefault", run.prefault, "none|boot|all",
              "Guest memory that is populated and mapped before the guest runs: what the image's last boot "
              "touched (kept in FILE.working-set), or all; none when not given");
  parser.text(
      "--pool", run.pool, "FILE",
      "Take guest memory from the `mayfly pool` with its socket there: --memory, and --pages where given, "
      "must be what it keeps");
  parser.text("--balloon", run.balloon, "SIZE",
              "Give the guest a balloon, and have it lend that much of its memory back from the start");
  add_workload_options(parser, run);
  parser.text("--cmdline-append", run.cmdline_append, "TEXT", "More for the kernel command line");
  parser.text(
      "--sandbox", run.sandbox, "on|log|off",
      "Give up all that the guest's run does not need before it begins; log: tell the kernel log of what "
      "on would kill for; on when not given");
  parser.flag("--verify", run.verify, "Check the digest of the whole image first");
  add_log_format(parser, run.log_format);
}

}  // namespace

void add_log_format(Parser& parser, std::string& format) {
  parser.text("--log-format", format, "text|json",
              "What mayfly itself says on stderr: text, or a JSON object a line; text when not given");
}

void add_run_options(Parser& parser, RunOptions& run) {
  parser.text("--config", run.config, "FILE",
              "Take options from a JSON object, such as {\"image\": \"app.img\", \"cpus\": 2, \"command\": "
              "[\"sh\"]}; "
              "those of the command line go over it");
  add_machine_options(parser, run);
  parser.texts("--device", run.devices, "vfio=ADDRESS",
               "Give the guest a PCI device that vfio-pci has (`mayfly device bind`); more after commas: "
               "iommu=auto|type1|iommufd, peers=yes|no, intx=auto|yes (auto: only without MSI-X); for one "
               "that is open already broker=FILE (`mayfly device "
               "serve`), container=N,group=N or iommufd=N,device=N (descriptors); may be repeated");
  parser.texts(
      "--net", run.networks, "user|tap=NAME",
      "Give the guest a network device: user (what mayfly's user reaches, by passt; after commas "
      "tcp=PORT:PORT and udp=ADDRESS/PORT:PORT lead from the host to the guest), a tap of the host (after a "
      "comma queues=N, 1 to 8, of one made with multi_queue), or fd=N, of either vhost=on (the host's kernel "
      "moves the packets); "
      "after commas mac=MAC, ip=ADDRESS/BITS or ip=dhcp, gateway=ADDRESS, dns=ADDRESS, dhcp-timeout=TIME "
      "(10s when not given); limits to the guest "
      "rx-rate=BYTES[/BURST], rx-pps=PACKETS[/BURST] a second, from it tx-rate, tx-pps; may be "
      "repeated");
  parser.texts("--disk", run.disks, "FILE",
               "Give the guest a disk, a regular file or block device of the host: /dev/vda, the "
               "next one /dev/vdb; after commas readonly, direct (past the page cache), "
               "serial=NAME, mount=PATH (of the guest) and fs=ext4|erofs; limits rate=BYTES[/BURST] and "
               "iops=N[/BURST] a second; may be repeated");
  parser.texts(
      "--module", run.modules, "NAME",
      "Have the guest's init load a kernel module of the image's /lib/modules, with what it needs, "
      "before the command; after a blank its parameters, as in \"nvme io_timeout=60\"; may be repeated");
  parser.text("--vsock", run.vsock, "PATH|vhost,cid=N",
              "Give the guest sockets (AF_VSOCK): those of the host's kernel by its address N (vhost), or "
              "clients connect to PATH and say CONNECT PORT, the guest "
              "reaches PATH_PORT; after commas cid=N, its address, 3 when not given, and limits "
              "rx-rate=BYTES, tx-rate=BYTES, rx-pps=N, tx-pps=N");
  parser.text("--cgroup", run.cgroup, "FOLDER",
              "Run in a cgroup (v2) of its own, FOLDER/mayfly-ID, which goes with the run; after commas "
              "limits memory=SIZE, cpu=PERCENT%, pids=N, hugetlb-2m=SIZE, hugetlb-1g=SIZE");
  parser.text(
      "--dma-window", run.dma_window, "SIZE",
      "Lowest guest memory that is mapped for devices before the guest needs it; when not given 256M, and "
      "more while devices open, but nothing of lent devices on a host of one processor. The rest "
      "follows when the guest needs it, or is ready");
  parser.flag("--dedicated", run.dedicated,
              "Give each guest CPU an isolated CPU of the host, where it idles and spins without exits");
  parser.text("--dedicated-cpus", run.dedicated_cpus, "LIST",
              "The same, with CPUs of LIST, such as 2-5,8, which must be isolated");
  parser.text(
      "--id", run.id, "ID",
      "What `mayfly ps` and others know the VM by, and `mayfly exec` may run further commands in it; a "
      "random one when not given, and no exec without --vsock");
  parser.flag(
      "--detach", run.detach,
      "Return when the guest is ready, and print the VM's id; what its workload writes is for `mayfly "
      "logs`");
  parser.text("--events", run.events, "FD",
              "Tell a descriptor that mayfly was started with what happens to the VM, a JSON object a line");
  parser.text("--timeout", run.timeout, "TIME", "End the VM, at once, that long after mayfly's start");
  parser.text("--timeline", run.timeline, "FILE", "Write when each step of the boot happened, as JSON");
  parser.text("--console", run.console, "FILE|tty|none",
              "Where the guest kernel's console goes: a file, the terminal, or (when not given) nowhere");
  parser.flag("--until-ready", run.until_ready,
              "End the VM when all is ready for the command, which is not run");
}

void add_boot_options(Parser& parser, BootOptions& boot) {
  parser.text("--repeat", boot.repeat, "N", "How many boots, 1 to 100000; 10 when not given");
  for (auto& [percent, limit] : boot.limits) {
    const std::string name = "p" + std::to_string(percent);
    parser.text(("--" + name).c_str(), limit, "TIME",
                ("The most that " + name + " of exec to ready may be").c_str());
  }
  parser.text("--timeout", boot.run.timeout, "TIME", "The most that one boot may take; 30s when not given");
  parser.text("--json", boot.json, "FILE", "Write all figures as JSON");
  add_machine_options(parser, boot.run);
}

}  // namespace mayfly::cli
