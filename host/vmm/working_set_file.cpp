// SPDX-License-Identifier: Apache-2.0
#include "vmm/working_set_file.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.hpp"
#include "base/hex.hpp"
#include "base/text_file.hpp"

namespace mayfly::vmm {
namespace {

using Json = nlohmann::ordered_json;

/// Every file of ours begins so, a half-written one too.
constexpr std::string_view kBegin = R"({"mayfly_working_set":1,)";
/// kWorkingSetPartsMax parts of two numbers of 20 digits, and the key.
constexpr std::size_t kBytesMax = kWorkingSetPartsMax * 48 + 1024;

/// All of the file that stands before the parts; equal for equal keys.
Json head(const WorkingSetKey& key) {
  return {{"mayfly_working_set", 1},          {"image", to_hex(key.image)},
          {"kernel_bytes", key.kernel_bytes}, {"kernel_modified_ns", key.kernel_modified_ns},
          {"memory_bytes", key.memory_bytes}, {"cpus", key.cpus}};
}

}  // namespace

WorkingSetKey WorkingSetKey::of(const image::Digest& image, const std::string& kernel,
                                std::uint64_t memory_bytes, std::uint32_t cpus) {
  struct stat status {};
  if (::stat(kernel.c_str(), &status) < 0) {
    fail_errno("cannot look at kernel " + kernel);
  }
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  return {image, static_cast<std::uint64_t>(status.st_size),
          status.st_mtim.tv_sec * kNsPerSecond + status.st_mtim.tv_nsec, memory_bytes, cpus};
}

std::string write_working_set(const WorkingSetKey& key, const WorkingSet& set) {
  Json json = head(key);
  Json& parts = json["parts"] = Json::array();
  for (const Piece& part : set) {
    parts.push_back({part.offset, part.bytes});
  }
  return json.dump() + '\n';
}

std::optional<WorkingSet> read_working_set(std::string_view text, const WorkingSetKey& key) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("parts") || !json["parts"].is_array()) {
    return std::nullopt;
  }
  WorkingSet set;
  for (const Json& part : json["parts"]) {
    if (!part.is_array() || part.size() != 2 || !part[0].is_number_unsigned() ||
        !part[1].is_number_unsigned()) {
      return std::nullopt;
    }
    set.push_back({part[0].get<std::uint64_t>(), part[1].get<std::uint64_t>()});
  }
  json.erase("parts");
  return json == head(key) && is_working_set(set, key.memory_bytes) ? std::optional(std::move(set))
                                                                    : std::nullopt;
}

WorkingSetFile::WorkingSetFile(const std::string& image, const WorkingSetKey& key)
    : path_(image + ".working-set"), key_(key) {
  open();
  // Who writes it has it locked until its end: there is nothing to read meanwhile, nor to write.
  if (::flock(fd_.get(), LOCK_SH | LOCK_NB) < 0) {
    return;
  }
  const std::string text = read();
  known_ = read_working_set(text, key_);
  if (known_.has_value()) {
    return;
  }
  if (!text.empty() && !std::string_view(text).starts_with(kBegin.substr(0, text.size()))) {
    throw Error(path_ + " is no working set, so --prefault boot leaves it as it is; move it away");
  }
  if (!writable_) {
    throw Error("--prefault boot has to record this boot first, but " + path_ +
                " cannot be written; boot once as a user who may, or leave --prefault out");
  }
  wanted_ = ::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0;
}

void WorkingSetFile::open() {
  // BEWARE: without O_NONBLOCK, opening a FIFO would wait for its other end.
  constexpr int kFlags = O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW;
  fd_ = Fd(::open(path_.c_str(), O_RDWR | O_CREAT | kFlags, 0644));
  const int why = errno;
  if (!fd_ && (why == EACCES || why == EROFS || why == EPERM)) {
    fd_ = Fd(::open(path_.c_str(), O_RDONLY | kFlags));
    writable_ = false;
  }
  if (!fd_) {
    throw Error(why, "cannot make " + path_ + ", where --prefault boot keeps what boots of the image touch");
  }
  struct stat status {};
  if (::fstat(fd_.get(), &status) < 0 || !S_ISREG(status.st_mode)) {
    throw Error(path_ + " is not a regular file; --prefault boot keeps there what boots of the image touch");
  }
}

std::string WorkingSetFile::read() const {
  struct stat status {};
  if (::fstat(fd_.get(), &status) < 0) {
    fail_errno("cannot look at " + path_);
  }
  std::string text(std::min(static_cast<std::size_t>(status.st_size), kBytesMax), '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t bytes =
        ::pread(fd_.get(), text.data() + filled, text.size() - filled, static_cast<off_t>(filled));
    if (bytes < 0 && errno != EINTR) {
      fail_errno("cannot read " + path_);
    }
    if (bytes == 0) {
      break;
    }
    filled += bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
  }
  text.resize(filled);
  return text;
}

void WorkingSetFile::write(const WorkingSet& set) {
  MAYFLY_ASSERT(wanted_);
  replace_text(fd_.get(), write_working_set(key_, set), path_);
  wanted_ = false;
}

}  // namespace mayfly::vmm
