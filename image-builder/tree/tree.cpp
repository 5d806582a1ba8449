// SPDX-License-Identifier: Apache-2.0
#include "image-builder/tree/tree.hpp"

#include <algorithm>
#include <utility>

#include "image-builder/tree/path.hpp"

namespace mayfly::image {
namespace {

// What one more name of a file costs in memory, beside the name.
constexpr std::size_t kLinkBytes = 80;

std::size_t text_bytes(const Node& node) {
  std::size_t bytes = 0;
  for (const Xattr& xattr : node.attributes.xattrs) {
    bytes += xattr.name.size() + xattr.value.size();
  }
  if (const auto* symlink = std::get_if<Symlink>(&node.kind)) {
    bytes += symlink->target.size();
  }
  return bytes;
}

bool is_directory(const Node& node) { return std::holds_alternative<Directory>(node.kind); }

}  // namespace

Tree::Tree(std::size_t text_bytes_max) : text_bytes_max_(text_bytes_max) {
  nodes_.push_back({{}, Directory{}});
}

void Tree::charge(std::size_t bytes, std::string_view path) {
  text_bytes_ += bytes;
  if (nodes_.size() == kNodesMax || text_bytes_ > text_bytes_max_) {
    throw InputError("input is too large at member " + in_quotes(path) +
                     ": an image takes 4194304 files and 1 GiB of names and attributes");
  }
}

NodeId Tree::append(Node node, std::string_view path) {
  charge(path.size() + text_bytes(node), path);
  nodes_.push_back(std::move(node));
  return static_cast<NodeId>(nodes_.size() - 1);
}

NodeId Tree::descend(NodeId directory_id, std::string_view name, std::string_view path) {
  const auto& entries = directory(directory_id).entries;
  const auto found = entries.find(name);
  if (found == entries.end()) {
    const NodeId made = append({{}, Directory{directory_id, {}}}, name);
    directory(directory_id).entries.emplace(name, made);
    return made;
  }
  const Node& next = nodes_[found->second];
  if (!is_directory(next)) {
    const bool symbolic = std::holds_alternative<Symlink>(next.kind);
    throw InputError("input member " + in_quotes(path) + ": its parent " + in_quotes(name) +
                     (symbolic ? " is a symbolic link" : " is not a directory"));
  }
  return found->second;
}

Tree::Place Tree::place(std::string_view path) {
  const std::vector<std::string_view> components = split_path(path);
  if (components.empty()) {
    return {kRoot, {}};
  }
  NodeId at = kRoot;
  for (std::size_t i = 0; i + 1 < components.size(); ++i) {
    at = descend(at, components[i], path);
  }
  return {at, components.back()};
}

void Tree::add(std::string_view path, Node node) {
  const Place where = place(path);
  auto& entries = directory(where.directory).entries;
  const auto found = entries.find(where.name);
  if (where.name.empty() || found != entries.end()) {
    const NodeId id = where.name.empty() ? kRoot : found->second;
    if (is_directory(nodes_[id]) != is_directory(node)) {
      throw InputError("input member " + in_quotes(path) + " is both a directory and something else");
    }
    if (is_directory(node)) {
      nodes_[id].attributes = std::move(node.attributes);
    } else {
      found->second = append(std::move(node), path);
    }
    return;
  }
  if (is_directory(node)) {
    std::get<Directory>(node.kind).parent = where.directory;
  }
  const NodeId id = append(std::move(node), path);
  directory(where.directory).entries.emplace(where.name, id);
}

void Tree::link(std::string_view path, std::string_view target) {
  const std::optional<NodeId> existing = find(target);
  if (!existing.has_value()) {
    throw InputError("input member " + in_quotes(path) + " is a hard link to " + in_quotes(target) +
                     ", which is not there before it");
  }
  if (is_directory(nodes_[*existing])) {
    throw InputError("input member " + in_quotes(path) + " is a hard link to the directory " +
                     in_quotes(target));
  }
  const Place where = place(path);
  auto& entries = directory(where.directory).entries;
  const auto found = entries.find(where.name);
  if (where.name.empty() || (found != entries.end() && is_directory(nodes_[found->second]))) {
    throw InputError("input member " + in_quotes(path) + " is both a directory and a hard link");
  }
  charge(kLinkBytes + where.name.size(), path);
  entries.insert_or_assign(std::string(where.name), *existing);
}

std::optional<NodeId> Tree::find(std::string_view path) const {
  NodeId at = kRoot;
  for (const std::string_view component : split_path(path)) {
    const auto* inside = std::get_if<Directory>(&nodes_[at].kind);
    if (inside == nullptr) {
      return std::nullopt;
    }
    const auto found = inside->entries.find(component);
    if (found == inside->entries.end()) {
      return std::nullopt;
    }
    at = found->second;
  }
  return at;
}

std::vector<NodeId> Tree::walk() const {
  std::vector<NodeId> order;
  std::vector<bool> seen(nodes_.size());
  std::vector<NodeId> pending = {kRoot};
  while (!pending.empty()) {
    const NodeId id = pending.back();
    pending.pop_back();
    if (seen[id]) {
      continue;
    }
    seen[id] = true;
    order.push_back(id);
    if (const auto* inside = std::get_if<Directory>(&nodes_[id].kind)) {
      std::for_each(inside->entries.rbegin(), inside->entries.rend(),
                    [&](const auto& entry) { pending.push_back(entry.second); });
    }
  }
  return order;
}

std::string Tree::path_of(NodeId id) const {
  for (const NodeId at : walk()) {
    const auto* inside = std::get_if<Directory>(&nodes_[at].kind);
    if (inside == nullptr) {
      continue;
    }
    for (const auto& [name, child] : inside->entries) {
      if (child == id) {
        return (at == kRoot ? "" : path_of(at) + "/") + name;
      }
    }
  }
  return ".";
}

Timestamp Tree::newest() const {
  Timestamp newest;
  for (const NodeId id : walk()) {
    newest = std::max(newest, nodes_[id].attributes.mtime);
  }
  return newest;
}

std::vector<std::uint32_t> count_links(const Tree& tree) {
  std::vector<std::uint32_t> links(tree.size());
  for (const NodeId id : tree.walk()) {
    const auto* inside = std::get_if<Directory>(&tree.node(id).kind);
    if (inside == nullptr) {
      continue;
    }
    links[id] += 2;
    for (const auto& [name, child] : inside->entries) {
      if (is_directory(tree.node(child))) {
        ++links[id];
      } else {
        ++links[child];
      }
    }
  }
  return links;
}

bool is_kept_xattr(std::string_view name) {
  return name.starts_with("user.") || name == "security.capability" || name == "system.posix_acl_access" ||
         name == "system.posix_acl_default";
}

}  // namespace mayfly::image
