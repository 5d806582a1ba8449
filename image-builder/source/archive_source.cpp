// SPDX-License-Identifier: Apache-2.0
#include "image-builder/source/archive_source.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image-builder/io/file_io.hpp"
#include "image-builder/io/interrupt.hpp"
#include "image-builder/source/acl.hpp"
#include "image-builder/source/limits.hpp"
#include "image-builder/tree/path.hpp"

namespace mayfly::image {
namespace {

// What archive_errno() gives for an unrecognized format (ARCHIVE_ERRNO_FILE_FORMAT, not in the public
// header).
constexpr int kNotAnArchive = EILSEQ;

struct ArchiveDeleter {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using ArchivePointer = std::unique_ptr<archive, ArchiveDeleter>;

// What libarchive's callback reads from.
struct Input {
  Fd file;
  std::vector<std::byte> buffer = std::vector<std::byte>(kPieceBytes / 4);
};

la_ssize_t read_input(archive* reader, void* data, const void** buffer) noexcept {
  auto& input = *static_cast<Input*>(data);
  *buffer = input.buffer.data();
  while (wait_readable(input.file.get())) {
    const ssize_t got = ::read(input.file.get(), input.buffer.data(), input.buffer.size());
    if (got >= 0) {
      return got;
    }
    if (errno != EINTR && errno != EAGAIN) {
      break;
    }
  }
  archive_set_error(reader, errno, "read error");
  return -1;
}

class ArchiveReader {
 public:
  ArchiveReader(const std::string& path, Contents& contents, Tree& tree, Progress& progress);
  void read();

 private:
  bool next(archive_entry*& entry);
  void read_member(archive_entry* entry);
  Attributes attributes(archive_entry* entry) const;
  Node node(archive_entry* entry);
  Regular spool_data(std::uint64_t bytes);
  void check_end_mark();
  [[noreturn]] void fail();

  const std::string& archive_path_;
  Contents& contents_;
  Tree& tree_;
  Progress& progress_;
  Input input_;
  ArchivePointer reader_;
  std::string member_;  // path of the member at hand, empty before the first
};

ArchiveReader::ArchiveReader(const std::string& path, Contents& contents, Tree& tree, Progress& progress)
    : archive_path_(path),
      contents_(contents),
      tree_(tree),
      progress_(progress),
      reader_(archive_read_new()) {
  input_.file = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!input_.file || ::fstat(input_.file.get(), &status) != 0) {
    throw InputError(errno, "cannot read input " + in_quotes(path));
  }
  progress_.begin("reading", S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0);
  archive_read_support_filter_gzip(reader_.get());
  archive_read_support_filter_bzip2(reader_.get());
  archive_read_support_filter_xz(reader_.get());
  archive_read_support_filter_zstd(reader_.get());
  archive_read_support_format_tar(reader_.get());
  if (archive_read_open(reader_.get(), &input_, nullptr, read_input, nullptr) != ARCHIVE_OK) {
    fail();
  }
}

void ArchiveReader::fail() {
  check_interrupt();
  const char* const reason = archive_error_string(reader_.get());
  if (member_.empty() && archive_errno(reader_.get()) == kNotAnArchive) {
    throw InputError("input " + in_quotes(archive_path_) +
                     " is not a tar archive (plain, gzip, bzip2, xz or zstd), or truncated at its beginning");
  }
  throw InputError("input " + in_quotes(archive_path_) + " is damaged or truncated" +
                   (member_.empty() ? "" : " at member " + in_quotes(member_)) + ": " +
                   (reason == nullptr ? "unknown error" : reason));
}

bool ArchiveReader::next(archive_entry*& entry) {
  check_interrupt();
  const int result = archive_read_next_header(reader_.get(), &entry);
  if (result == ARCHIVE_EOF) {
    return false;
  }
  if (result < ARCHIVE_WARN) {
    fail();
  }
  progress_.update(static_cast<std::uint64_t>(archive_filter_bytes(reader_.get(), -1)));
  return true;
}

void ArchiveReader::read() {
  for (archive_entry* entry = nullptr; next(entry);) {
    const char* const path = archive_entry_pathname(entry);
    if (path == nullptr) {
      throw InputError("input " + in_quotes(archive_path_) + " has a member without a readable name, after " +
                       in_quotes(member_));
    }
    member_ = path;
    read_member(entry);
  }
  check_end_mark();
}

void ArchiveReader::read_member(archive_entry* entry) {
  if (const char* const target = archive_entry_hardlink(entry); target != nullptr) {
    tree_.link(member_, target);
  } else {
    tree_.add(member_, node(entry));
  }
}

// libarchive takes the end of the input between two members for the end of the archive; a tar that is whole
// ends with a block of zeros, which the reader has consumed beyond the place where it looked for the next
// header.
void ArchiveReader::check_end_mark() {
  if (archive_filter_bytes(reader_.get(), 0) <= archive_read_header_position(reader_.get())) {
    throw InputError("input " + in_quotes(archive_path_) +
                     " is truncated: it has no end-of-archive mark after " + in_quotes(member_));
  }
}

Attributes ArchiveReader::attributes(archive_entry* entry) const {
  Attributes attributes;
  attributes.permissions = static_cast<std::uint16_t>(archive_entry_perm(entry) & 07777U);
  attributes.uid = checked_id(archive_entry_uid(entry), member_);
  attributes.gid = checked_id(archive_entry_gid(entry), member_);
  attributes.mtime = {archive_entry_mtime(entry),
                      static_cast<std::uint32_t>(archive_entry_mtime_nsec(entry))};
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t bytes = 0;
  archive_entry_xattr_reset(entry);
  while (archive_entry_xattr_next(entry, &name, &value, &bytes) == ARCHIVE_OK) {
    if (is_kept_xattr(name) && !std::string_view(name).starts_with("system.")) {
      attributes.xattrs.push_back({name, std::string(static_cast<const char*>(value), bytes)});
    }
  }
  add_acls(entry, member_, attributes);
  finish_xattrs(attributes.xattrs, member_);
  return attributes;
}

Node ArchiveReader::node(archive_entry* entry) {
  Attributes attributes = this->attributes(entry);
  const auto device = [&](SpecialType type) {
    return checked_device({type, static_cast<std::uint32_t>(archive_entry_rdevmajor(entry)),
                           static_cast<std::uint32_t>(archive_entry_rdevminor(entry))},
                          member_);
  };
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
      return {std::move(attributes), spool_data(checked_size(archive_entry_size(entry), member_))};
    case AE_IFDIR:
      return {std::move(attributes), Directory{}};
    case AE_IFLNK: {
      const char* const target = archive_entry_symlink(entry);
      attributes.permissions = 0777;
      return {std::move(attributes), Symlink{checked_target(target == nullptr ? "" : target, member_)}};
    }
    case AE_IFCHR:
      return {std::move(attributes), device(SpecialType::kCharacter)};
    case AE_IFBLK:
      return {std::move(attributes), device(SpecialType::kBlock)};
    case AE_IFIFO:
      return {std::move(attributes), Special{SpecialType::kFifo}};
    default:
      throw InputError("input member " + in_quotes(member_) + " is of a type that tar does not define");
  }
}

Regular ArchiveReader::spool_data(std::uint64_t bytes) {
  const SpoolExtent file = contents_.spool_begin();
  const void* data = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  int result = ARCHIVE_OK;
  while ((result = archive_read_data_block(reader_.get(), &data, &size, &offset)) == ARCHIVE_OK) {
    const auto at = static_cast<std::uint64_t>(offset);
    if (offset < 0 || at > bytes || size > bytes - at) {
      throw InputError("input member " + in_quotes(member_) + " has data beyond its size");
    }
    // Safe: libarchive's buffer viewed as bytes.
    contents_.spool_write(file, at, {static_cast<const std::byte*>(data), size});
    progress_.update(static_cast<std::uint64_t>(archive_filter_bytes(reader_.get(), -1)));
  }
  if (result != ARCHIVE_EOF) {
    fail();
  }
  return contents_.spool_end(file, bytes);
}

}  // namespace

void read_archive(const std::string& path, Contents& contents, Tree& tree, Progress& progress) {
  ArchiveReader(path, contents, tree, progress).read();
}

}  // namespace mayfly::image
