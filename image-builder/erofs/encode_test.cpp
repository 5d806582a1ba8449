// SPDX-License-Identifier: Apache-2.0
#include "image-builder/erofs/encode.hpp"

#include <cstring>

#include <gtest/gtest.h>

#include "image-builder/testing/temporary_directory.hpp"

namespace mayfly::image::erofs {
namespace {

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

template <typename T>
T load(const Bytes& bytes, std::size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

TEST(Crc32c, GivesTheCheckValueOfItsDefinition) {
  EXPECT_EQ(~crc32c(~0U, bytes_of("123456789")), 0xE3069283U);  // RFC 3720, appendix B.4 names the polynomial
}

TEST(Xattrs, NoneTakeNoRoom) {
  EXPECT_TRUE(encode_xattrs({}).empty());
  EXPECT_EQ(xattr_bytes({}), 0U);
}

TEST(Xattrs, EntriesHaveIndexShortNameAndValueAligned) {
  const std::vector<Xattr> xattrs = {
      {"security.capability", "12345"}, {"system.posix_acl_access", "acl"}, {"user.a", "v"}};
  const Bytes bytes = encode_xattrs(xattrs);
  ASSERT_EQ(bytes.size(), xattr_bytes(xattrs));
  std::size_t at = sizeof(XattrHeader);
  auto entry = load<XattrEntry>(bytes, at);
  EXPECT_EQ(entry.index, XattrIndex::kSecurity);
  EXPECT_EQ(entry.name_bytes, 10);
  EXPECT_EQ(entry.value_bytes, 5);
  EXPECT_EQ(std::memcmp(bytes.data() + at + 4, "capability12345", 15), 0);
  at += 20;
  entry = load<XattrEntry>(bytes, at);
  EXPECT_EQ(entry.index, XattrIndex::kAclAccess);
  EXPECT_EQ(entry.name_bytes, 0);
  at += 8;
  EXPECT_EQ(load<XattrEntry>(bytes, at).index, XattrIndex::kUser);
  EXPECT_EQ(bytes.size(), at + 8);
}

TEST(DirectoryBlocks, NamesAreSortedBytewiseAmongDots) {
  Tree tree;
  for (const char* name : {"b", "\xc3\xa4", "!", "-x", "...a", "A"}) {
    tree.add(name, {{}, Regular{}});
  }
  std::vector<std::uint64_t> nids(tree.size());
  std::vector<std::string> names;
  for (const Name& name : directory_names(tree, Tree::kRoot, nids)) {
    names.emplace_back(name.name);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"!", "-x", ".", "..", "...a", "A", "b", "\xc3\xa4"}));
}

TEST(DirectoryBlocks, EveryBlockBeginsWithItsOwnEntries) {
  std::vector<std::string> texts(100, testing::pattern(100, 0));
  std::vector<Name> names(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    texts[i] += std::to_string(i + 100);
    names[i] = {texts[i], i + 7, FileType::kRegular};
  }
  const Bytes bytes = encode_directory(names);
  ASSERT_EQ(bytes.size(), directory_bytes(names));
  std::size_t next = 0;
  for (std::size_t block = 0; block < bytes.size(); block += kBlockBytes) {
    const std::size_t count = load<DirectoryEntry>(bytes, block).name_offset / sizeof(DirectoryEntry);
    ASSERT_GT(count, 0U);
    for (std::size_t i = 0; i < count; ++i, ++next) {
      const auto entry = load<DirectoryEntry>(bytes, block + i * sizeof(DirectoryEntry));
      ASSERT_EQ(entry.nid, next + 7);
      ASSERT_EQ(std::memcmp(bytes.data() + block + entry.name_offset, texts[next].data(), texts[next].size()),
                0);
    }
  }
  EXPECT_EQ(next, names.size());
}

TEST(DirectoryBlocks, ABlockCanBeFullToTheLastByte) {
  const std::string text(244, 'x');
  const std::vector<Name> names(16, {text, 1, FileType::kRegular});
  EXPECT_EQ(directory_bytes(names), kBlockBytes);
  EXPECT_EQ(encode_directory(names).size(), kBlockBytes);
}

TEST(FileMode, IsTypeAndPermissions) {
  Node node{{}, Regular{}};
  node.attributes.permissions = 04751;
  EXPECT_EQ(file_mode(node), 0104751);
  EXPECT_EQ(file_mode({{}, Special{SpecialType::kSocket}}), 0140755);
}

TEST(DeviceNumber, IsLinuxOwnEncoding) {
  EXPECT_EQ(device_number({SpecialType::kBlock, 8, 1}), 0x801U);
  EXPECT_EQ(device_number({SpecialType::kCharacter, 5, 300}), 0x10052CU);
}

}  // namespace
}  // namespace mayfly::image::erofs
