// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace mayfly::image {

/// Seconds since 1970 and nanoseconds below 10^9, as in struct timespec.
struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  friend constexpr bool operator==(const Timestamp&, const Timestamp&) = default;
  friend constexpr bool operator<(const Timestamp& a, const Timestamp& b) {
    return a.seconds < b.seconds || (a.seconds == b.seconds && a.nanoseconds < b.nanoseconds);
  }
};

/// One extended attribute; `name` is one that is_kept_xattr() accepts.
struct Xattr {
  std::string name;
  std::string value;
  friend bool operator==(const Xattr&, const Xattr&) = default;
};

/// What every kind of file has. Xattrs are sorted by name.
struct Attributes {
  std::uint16_t permissions = 0755;  ///< The lower 12 bits of st_mode.
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  Timestamp mtime;
  std::vector<Xattr> xattrs;
};

/// Index of a node in its tree.
using NodeId = std::uint32_t;

struct Directory {
  NodeId parent = 0;
  std::map<std::string, NodeId, std::less<>> entries;  ///< Sorted bytewise; the order of every walk.
};

/// Bytes of a regular file that lie in the spool from `offset`.
struct SpoolExtent {
  std::uint64_t offset = 0;
};

/// A regular file to be read later, relative to the input directory, and how it looked when it was found.
struct HostFile {
  std::string path;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  Timestamp changed;
};

struct Regular {
  std::uint64_t bytes = 0;
  std::variant<SpoolExtent, HostFile> data;
};

struct Symlink {
  std::string target;
};

enum class SpecialType : std::uint8_t { kCharacter, kBlock, kFifo, kSocket };

/// A device node, fifo or socket; major and minor are 0 for the latter two.
struct Special {
  SpecialType type = SpecialType::kFifo;
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
};

/// One inode.
struct Node {
  Attributes attributes;
  std::variant<Directory, Regular, Symlink, Special> kind;
};

/// The files of an image: attributes and names in memory, contents elsewhere. Built by one thread.
///
/// Every path is relative to the root, "/"-separated; "." and empty components are ignored. All members throw
/// InputError, with the path in the sentence, for a path that is absolute, holds "..", is too long, or leads
/// through something that is not a directory, and when the tree outgrows kNodesMax or kTextBytesMax.
class Tree {
 public:
  static constexpr NodeId kRoot = 0;
  /// Bounds on what an input may make us hold in memory.
  static constexpr std::size_t kNodesMax = std::size_t{4} << 20U;
  static constexpr std::size_t kTextBytesMax = std::size_t{1} << 30U;

  explicit Tree(std::size_t text_bytes_max = kTextBytesMax);

  /// Adds a file and the parents it lacks (0755, root). As in unpacking, a later file replaces an earlier one
  /// of the same path, and a directory gives its attributes to one that is there; one cannot replace the
  /// other.
  void add(std::string_view path, Node node);
  /// Makes `path` another name of the existing file `target`, which is no directory.
  void link(std::string_view path, std::string_view target);

  /// The node at `path`, without following symbolic links.
  [[nodiscard]] std::optional<NodeId> find(std::string_view path) const;
  [[nodiscard]] const Node& node(NodeId id) const { return nodes_[id]; }
  /// One more than the largest id. Replaced nodes keep their id but are in no directory.
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  /// Every node that has a name, once, parents first, in an order that depends on names only.
  [[nodiscard]] std::vector<NodeId> walk() const;
  /// A path of the node, for messages: slow.
  [[nodiscard]] std::string path_of(NodeId id) const;
  /// The newest mtime of all that walk() gives.
  [[nodiscard]] Timestamp newest() const;

 private:
  struct Place {
    NodeId directory;
    std::string_view name;
  };
  [[nodiscard]] Place place(std::string_view path);
  NodeId descend(NodeId directory, std::string_view name, std::string_view path);
  void charge(std::size_t bytes, std::string_view path);
  NodeId append(Node node, std::string_view path);
  [[nodiscard]] Directory& directory(NodeId id) { return std::get<Directory>(nodes_[id].kind); }

  std::vector<Node> nodes_;
  std::size_t text_bytes_max_;
  std::size_t text_bytes_ = 0;
};

/// Links to each node, indexed by NodeId: names, or for a directory 2 and one for each subdirectory.
[[nodiscard]] std::vector<std::uint32_t> count_links(const Tree& tree);

/// True for the attributes an image keeps: user.*, security.capability and POSIX ACLs. The others (trusted.*,
/// SELinux labels, …) are about the machine the input was on; trusted.overlay.* would even change how the
/// guest's writable overlay reads the image.
[[nodiscard]] bool is_kept_xattr(std::string_view name);

}  // namespace mayfly::image
