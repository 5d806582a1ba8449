// SPDX-License-Identifier: Apache-2.0
#include "image-builder/tree/tree.hpp"

#include <gtest/gtest.h>

#include "image-builder/tree/path.hpp"

namespace mayfly::image {
namespace {

Node file(std::uint64_t bytes = 0) { return {{}, Regular{bytes, SpoolExtent{}}}; }
Node directory() { return {{}, Directory{}}; }
Node symlink() { return {{}, Symlink{"target"}}; }

// What an action's InputError says; empty when there is none.
template <typename Action>
std::string refusal(Action&& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

TEST(Tree, MissingParentsAreMade) {
  Tree tree;
  tree.add("usr/lib/x", file());
  ASSERT_TRUE(tree.find("usr/lib").has_value());
  EXPECT_EQ(tree.node(*tree.find("usr/lib")).attributes.permissions, 0755);
  EXPECT_EQ(std::get<Directory>(tree.node(*tree.find("usr/lib")).kind).parent, *tree.find("usr"));
}

TEST(Tree, DotsAndSlashesInPathsMeanNothing) {
  Tree tree;
  tree.add("./usr//bin/./x/", file());
  EXPECT_TRUE(tree.find("usr/bin/x").has_value());
}

TEST(Tree, ParentReferencesAreRefused) {
  Tree tree;
  EXPECT_NE(refusal([&] { tree.add("usr/../../etc/x", file()); }).find("\"usr/../../etc/x\" escapes"),
            std::string::npos);
  EXPECT_NE(refusal([&] { tree.add("..", directory()); }), "");
}

TEST(Tree, AbsolutePathsAreRefused) {
  Tree tree;
  EXPECT_NE(refusal([&] { tree.add("/etc/x", file()); }).find("absolute"), std::string::npos);
}

TEST(Tree, LongNamesAndPathsAreRefused) {
  Tree tree;
  tree.add(std::string(255, 'n'), file());
  EXPECT_NE(refusal([&] { tree.add(std::string(256, 'n'), file()); }), "");
  std::string path;
  while (path.size() < 4096) {
    path += "d/";
  }
  EXPECT_NE(refusal([&] { tree.add(path, file()); }), "");
}

TEST(Tree, NulBytesInPathsAreRefused) {
  Tree tree;
  EXPECT_NE(refusal([&] { tree.add(std::string_view("a\0b", 3), file()); }), "");
}

TEST(Tree, SymbolicLinksAreNotFollowedAsParents) {
  Tree tree;
  tree.add("lib", symlink());
  const std::string sentence = refusal([&] { tree.add("lib/x", file()); });
  EXPECT_NE(sentence.find("\"lib/x\""), std::string::npos) << sentence;
  EXPECT_NE(sentence.find("symbolic link"), std::string::npos) << sentence;
}

TEST(Tree, FilesAreNoParents) {
  Tree tree;
  tree.add("lib", file());
  EXPECT_NE(refusal([&] { tree.add("lib/x", file()); }).find("not a directory"), std::string::npos);
}

TEST(Tree, LaterFileReplacesEarlierOne) {
  Tree tree;
  tree.add("x", file(1));
  tree.add("x", file(2));
  EXPECT_EQ(std::get<Regular>(tree.node(*tree.find("x")).kind).bytes, 2U);
  EXPECT_EQ(tree.walk().size(), 2U);
}

TEST(Tree, LaterDirectoryGivesItsAttributesAndKeepsTheEntries) {
  Tree tree;
  tree.add("d/x", file());
  Node later = directory();
  later.attributes.permissions = 0700;
  tree.add("d", later);
  EXPECT_EQ(tree.node(*tree.find("d")).attributes.permissions, 0700);
  EXPECT_TRUE(tree.find("d/x").has_value());
}

TEST(Tree, RootTakesAttributes) {
  Tree tree;
  Node root = directory();
  root.attributes.permissions = 0711;
  tree.add(".", root);
  EXPECT_EQ(tree.node(Tree::kRoot).attributes.permissions, 0711);
}

TEST(Tree, DirectoryAndFileDoNotReplaceEachOther) {
  Tree tree;
  tree.add("d", directory());
  tree.add("f", file());
  EXPECT_NE(refusal([&] { tree.add("d", file()); }), "");
  EXPECT_NE(refusal([&] { tree.add("f", directory()); }), "");
  EXPECT_NE(refusal([&] { tree.link("d", "f"); }), "");
  EXPECT_NE(refusal([&] { tree.add(".", file()); }), "");
}

TEST(Tree, HardLinkIsTheSameNode) {
  Tree tree;
  tree.add("a", file());
  tree.link("d/b", "./a");
  EXPECT_EQ(tree.find("a"), tree.find("d/b"));
  EXPECT_EQ(count_links(tree)[*tree.find("a")], 2U);
  EXPECT_EQ(tree.walk().size(), 3U);
}

TEST(Tree, HardLinkNeedsItsTarget) {
  Tree tree;
  EXPECT_NE(refusal([&] { tree.link("b", "a"); }).find("\"a\""), std::string::npos);
}

TEST(Tree, DirectoriesHaveNoHardLinks) {
  Tree tree;
  tree.add("d", directory());
  EXPECT_NE(refusal([&] { tree.link("e", "d"); }).find("directory"), std::string::npos);
}

TEST(Tree, DirectoryLinksCountSubdirectories) {
  Tree tree;
  tree.add("d/a", directory());
  tree.add("d/b", directory());
  tree.add("d/c", file());
  EXPECT_EQ(count_links(tree)[*tree.find("d")], 4U);
}

TEST(Tree, WalkDoesNotDependOnTheOrderOfAdding) {
  Tree first;
  first.add("b", file(1));
  first.add("a/x", file(2));
  Tree second;
  second.add("a/x", file(2));
  second.add("b", file(1));
  const auto names = [](const Tree& tree) {
    std::vector<std::string> paths;
    for (const NodeId id : tree.walk()) {
      paths.push_back(tree.path_of(id));
    }
    return paths;
  };
  EXPECT_EQ(names(first), names(second));
  EXPECT_EQ(names(first), (std::vector<std::string>{".", "a", "a/x", "b"}));
}

TEST(Tree, NewestLooksAtNamedFilesOnly) {
  Tree tree;
  Node late = file();
  late.attributes.mtime = {100, 5};
  tree.add("x", late);
  EXPECT_EQ(tree.newest(), (Timestamp{100, 5}));
  tree.add("x", file());
  EXPECT_EQ(tree.newest(), (Timestamp{0, 0}));
}

TEST(Tree, NamesAndAttributesAreBounded) {
  Tree tree(1000);
  Node node = file();
  node.attributes.xattrs.push_back({"user.x", std::string(300, 'v')});
  tree.add("x", node);
  tree.add("x", node);
  EXPECT_NE(refusal([&] {
              tree.add("x", node);
              tree.add("x", node);
            }).find("too large"),
            std::string::npos);
}

TEST(Tree, NamesOfHardLinksAreBoundedToo) {
  Tree tree(1000);
  tree.add("x", file());
  EXPECT_NE(refusal([&] {
              for (char name = 'a'; name < 'x'; ++name) {
                tree.link(std::string(1, name), "x");
              }
            }).find("too large"),
            std::string::npos);
}

TEST(Tree, OnlyAttributesThatBelongToAnImageAreKept) {
  EXPECT_TRUE(is_kept_xattr("user.x"));
  EXPECT_TRUE(is_kept_xattr("security.capability"));
  EXPECT_TRUE(is_kept_xattr("system.posix_acl_access"));
  EXPECT_FALSE(is_kept_xattr("security.selinux"));
  EXPECT_FALSE(is_kept_xattr("trusted.overlay.opaque"));
}

TEST(Quoted, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(in_quotes("a\x1b[2J\"\\"), "\"a\\x1b[2J\\\"\\\\\"");
  EXPECT_LT(in_quotes(std::string(10000, 'x')).size(), 600U);
}

}  // namespace
}  // namespace mayfly::image
