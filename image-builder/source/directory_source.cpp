// SPDX-License-Identifier: Apache-2.0
#include "image-builder/source/directory_source.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "image-builder/io/interrupt.hpp"
#include "image-builder/source/limits.hpp"
#include "image-builder/tree/path.hpp"

namespace mayfly::image {
namespace {

struct DirCloser {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

[[noreturn]] void refuse_errno(const std::string& path) {
  throw InputError(errno, "cannot read input file " + in_quotes(path));
}

class DirectoryReader {
 public:
  DirectoryReader(Contents& contents, Tree& tree) : contents_(contents), tree_(tree) {}
  void read();

 private:
  std::vector<std::string> names(const std::string& path) const;
  void add(const std::string& path);
  Node node(const std::string& path, int fd, const struct stat& status) const;

  Contents& contents_;
  Tree& tree_;
  std::vector<std::string> pending_ = {"."};
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;  // first name of files with several
};

std::vector<std::string> DirectoryReader::names(const std::string& path) const {
  const int fd = open_below(contents_.root(), path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const std::unique_ptr<DIR, DirCloser> directory(fd < 0 ? nullptr : ::fdopendir(fd));
  if (directory == nullptr) {
    refuse_errno(path);
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(directory.get())) {  // NOLINT(concurrency-mt-unsafe): our own stream
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") {
      names.emplace_back(name);
    }
    errno = 0;
  }
  if (errno != 0) {
    refuse_errno(path);
  }
  return names;
}

std::vector<Xattr> read_xattrs(int fd, const std::string& path) {
  // An O_PATH descriptor takes no fgetxattr(2); its magic link leads to the file itself, symbolic links
  // included.
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  std::array<char, 65536> buffer{};  // XATTR_LIST_MAX and XATTR_SIZE_MAX
  const ssize_t listed = ::listxattr(link.c_str(), buffer.data(), buffer.size());
  if (listed < 0 && errno != ENOTSUP) {
    refuse_errno(path);
  }
  const std::string list(buffer.data(), listed < 0 ? 0 : static_cast<std::size_t>(listed));
  std::vector<Xattr> xattrs;
  for (std::size_t at = 0; at < list.size(); at += std::strlen(&list[at]) + 1) {
    const char* const name = &list[at];
    if (is_kept_xattr(name)) {
      const ssize_t bytes = ::getxattr(link.c_str(), name, buffer.data(), buffer.size());
      if (bytes < 0) {
        refuse_errno(path);
      }
      xattrs.push_back({name, std::string(buffer.data(), static_cast<std::size_t>(bytes))});
    }
  }
  finish_xattrs(xattrs, path);
  return xattrs;
}

std::string read_target(int fd, const std::string& path) {
  std::array<char, kPathBytesMax + 1> target{};
  const ssize_t bytes = ::readlinkat(fd, "", target.data(), target.size());
  if (bytes < 0) {
    refuse_errno(path);
  }
  return checked_target({target.data(), static_cast<std::size_t>(bytes)}, path);
}

Node DirectoryReader::node(const std::string& path, int fd, const struct stat& status) const {
  Attributes attributes{static_cast<std::uint16_t>(status.st_mode & 07777U),
                        status.st_uid,
                        status.st_gid,
                        {status.st_mtim.tv_sec, static_cast<std::uint32_t>(status.st_mtim.tv_nsec)},
                        read_xattrs(fd, path)};
  const auto device = [&](SpecialType type) {
    return checked_device({type, major(status.st_rdev), minor(status.st_rdev)}, path);
  };
  switch (status.st_mode & S_IFMT) {
    case S_IFREG: {
      const Timestamp changed = {status.st_ctim.tv_sec, static_cast<std::uint32_t>(status.st_ctim.tv_nsec)};
      return {std::move(attributes), Regular{checked_size(status.st_size, path),
                                             HostFile{path, status.st_dev, status.st_ino, changed}}};
    }
    case S_IFDIR:
      return {std::move(attributes), Directory{}};
    case S_IFLNK:
      return {std::move(attributes), Symlink{read_target(fd, path)}};
    case S_IFCHR:
      return {std::move(attributes), device(SpecialType::kCharacter)};
    case S_IFBLK:
      return {std::move(attributes), device(SpecialType::kBlock)};
    case S_IFIFO:
      return {std::move(attributes), Special{SpecialType::kFifo}};
    default:
      return {std::move(attributes), Special{SpecialType::kSocket}};
  }
}

void DirectoryReader::add(const std::string& path) {
  check_interrupt();
  const Fd file(open_below(contents_.root(), path.c_str(), O_PATH | O_NOFOLLOW));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) {
    refuse_errno(path);
  }
  if (S_ISDIR(status.st_mode)) {
    pending_.push_back(path);
  } else if (status.st_nlink > 1) {
    const auto [first, is_first] = linked_.try_emplace({status.st_dev, status.st_ino}, path);
    if (!is_first) {
      tree_.link(path, first->second);
      return;
    }
  }
  tree_.add(path, node(path, file.get(), status));
}

void DirectoryReader::read() {
  add(".");
  pending_ = {"."};
  while (!pending_.empty()) {
    const std::string directory = std::move(pending_.back());
    pending_.pop_back();
    const std::string prefix = directory == "." ? "" : directory + "/";
    for (const std::string& name : names(directory)) {
      add(prefix + name);
    }
  }
}

}  // namespace

void read_directory(const std::string& path, Contents& contents, Tree& tree) {
  Fd root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) {
    throw InputError(errno, "cannot read input " + in_quotes(path));
  }
  contents.set_root(std::move(root));
  DirectoryReader(contents, tree).read();
}

}  // namespace mayfly::image
