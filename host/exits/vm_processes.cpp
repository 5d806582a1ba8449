// SPDX-License-Identifier: Apache-2.0
#include "exits/vm_processes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <utility>

#include <unistd.h>

#include "base/error.hpp"
#include "base/folder.hpp"
#include "base/text_file.hpp"

namespace mayfly::exits {
namespace {

/// The entries of a folder that are numbers, in order; empty when it cannot be read.
std::vector<int> numbers_in(const std::string& path) {
  std::vector<int> numbers;
  for (const std::string& name : read_folder(path).value_or(std::vector<std::string>())) {
    int number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc{} && end == name.data() + name.size() && number >= 0) {
      numbers.push_back(number);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::string folder_of(const std::string& root, pid_t process) {
  return root + "/proc/" + std::to_string(process);
}

bool has_vm(const std::string& root, pid_t process) {
  const std::string folder = folder_of(root, process) + "/fd";
  const std::vector<int> files = numbers_in(folder);
  return std::any_of(files.begin(), files.end(), [&](int file) {
    std::array<char, 64> target{};
    const ssize_t bytes =
        ::readlink((folder + "/" + std::to_string(file)).c_str(), target.data(), target.size());
    const std::string_view name(target.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
    return name == "anon_inode:kvm-vm" || name.starts_with("anon_inode:kvm-vcpu");
  });
}

std::string list(const std::vector<VmProcess>& vms) {
  std::string text;
  for (const VmProcess& vm : vms) {
    text += (text.empty() ? "" : ", ") + std::to_string(vm.process) + " (" + vm.name + ")";
  }
  return text;
}

VmProcess choose_only(const std::string& root) {
  std::vector<VmProcess> vms = find_vms(root);
  if (vms.empty()) {
    throw Error(::geteuid() == 0 ? "no process of this host has a VM"
                                 : "none of the processes that you may look into has a VM; run this as root");
  }
  if (vms.size() > 1) {
    throw Error("several processes have a VM; name one, or take --all: " + list(vms));
  }
  return std::move(vms.front());
}

}  // namespace

std::vector<VmProcess> find_vms(const std::string& root) {
  std::vector<VmProcess> vms;
  for (const pid_t process : numbers_in(root + "/proc")) {
    if (has_vm(root, process)) {
      vms.push_back({process, name_of_process(root, process)});
    }
  }
  return vms;
}

VmProcess choose_vm(const std::string& root, std::optional<pid_t> process) {
  if (!process.has_value()) {
    return choose_only(root);
  }
  if (has_vm(root, *process)) {
    return {*process, name_of_process(root, *process)};
  }
  const std::string who = "process " + std::to_string(*process);
  if (::access(folder_of(root, *process).c_str(), F_OK) != 0) {
    throw Error("there is no " + who);
  }
  if (::access((folder_of(root, *process) + "/fd").c_str(), R_OK) != 0 && errno == EACCES) {
    throw Error(who + " is not yours to look into; run this as root");
  }
  const std::vector<VmProcess> vms = find_vms(root);
  throw Error(who + " (" + name_of_process(root, *process) + ") has no VM; " +
              (vms.empty() ? "no other has one either" : "those that have: " + list(vms)));
}

std::vector<pid_t> threads_of(const std::string& root, pid_t process) {
  return numbers_in(folder_of(root, process) + "/task");
}

std::string name_of_process(const std::string& root, pid_t process) {
  constexpr std::size_t kNameBytesMax = 64;
  const auto name = read_text_file(folder_of(root, process) + "/comm", kNameBytesMax);
  return name.has_value() ? name->substr(0, name->find('\n')) : "?";
}

}  // namespace mayfly::exits
