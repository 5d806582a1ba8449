// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include <archive.h>
#include <archive_entry.h>

namespace mayfly::image::testing {

/// Writes an archive member by member, hostile ones included. Members are 0644 or 0755, of user 0 and time
/// 1000 unless `change` says otherwise.
class TarWriter {
 public:
  using Change = std::function<void(archive_entry*)>;

  /// `filter` is one of libarchive's ARCHIVE_FILTER_*.
  explicit TarWriter(const std::string& path, int filter = ARCHIVE_FILTER_NONE)
      : archive_(archive_write_new()) {
    archive_write_set_format_pax(archive_.get());
    archive_write_add_filter(archive_.get(), filter);
    archive_write_set_bytes_in_last_block(archive_.get(), 1);
    check(archive_write_open_filename(archive_.get(), path.c_str()));
  }
  /// The end-of-archive mark is written by close().
  void close() { check(archive_write_close(archive_.get())); }

  TarWriter& file(const std::string& path, std::string_view bytes, const Change& change = {}) {
    return member(path, AE_IFREG, 0644, change, bytes);
  }
  TarWriter& directory(const std::string& path, const Change& change = {}) {
    return member(path, AE_IFDIR, 0755, change, {});
  }
  TarWriter& symlink(const std::string& path, const std::string& target, const Change& change = {}) {
    const auto set = [&](archive_entry* entry) {
      archive_entry_set_symlink(entry, target.c_str());
      apply(change, entry);
    };
    return member(path, AE_IFLNK, 0777, set, {});
  }
  TarWriter& hard_link(const std::string& path, const std::string& target) {
    const auto set = [&](archive_entry* entry) { archive_entry_set_hardlink(entry, target.c_str()); };
    return member(path, AE_IFREG, 0644, set, {});
  }
  TarWriter& device(const std::string& path, unsigned type, unsigned major, unsigned minor) {
    const auto set = [&](archive_entry* entry) {
      archive_entry_set_rdevmajor(entry, major);
      archive_entry_set_rdevminor(entry, minor);
    };
    return member(path, type, 0600, set, {});
  }

 private:
  struct Freer {
    void operator()(archive* writer) const { archive_write_free(writer); }
  };

  static void apply(const Change& change, archive_entry* entry) {
    if (change) {
      change(entry);
    }
  }

  static void check(int result) {
    if (result != ARCHIVE_OK) {
      throw std::runtime_error("cannot write the archive");
    }
  }

  TarWriter& member(const std::string& path, unsigned type, unsigned permissions, const Change& change,
                    std::string_view bytes) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                         archive_entry_free);
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_filetype(entry.get(), type);
    archive_entry_set_perm(entry.get(), permissions);
    archive_entry_set_mtime(entry.get(), 1000, 0);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
    apply(change, entry.get());
    check(archive_write_header(archive_.get(), entry.get()));
    if (!bytes.empty() && archive_write_data(archive_.get(), bytes.data(), bytes.size()) < 0) {
      throw std::runtime_error("cannot write the archive");
    }
    return *this;
  }

  std::unique_ptr<archive, Freer> archive_;
};

}  // namespace mayfly::image::testing
