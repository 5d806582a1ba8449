// SPDX-License-Identifier: Apache-2.0
#include "boot/kernel_image.hpp"

#include <functional>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "base/checked.hpp"
#include "boot/elf_fixture.hpp"

namespace mayfly::boot {
namespace {

using testing::Bytes;
using testing::ElfFixture;

Result<KernelImage, KernelFault> parse(const Bytes& file) { return parse_elf(SpanSource(file)); }

Bytes from_text(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

TEST(KernelImage, PlainVmlinuxIsUnderstood) {
  const auto image = parse(ElfFixture().build());
  ASSERT_TRUE(image.has_value()) << describe(image.error());
  EXPECT_EQ(image->entry, GuestAddress(ElfFixture::kBase));
  ASSERT_EQ(image->count, 1U);
  EXPECT_EQ(image->segments[0].file_bytes, 4096U);
  EXPECT_EQ(image->segments[0].memory, (GuestRange{GuestAddress(ElfFixture::kBase), 8192}));
}

TEST(KernelImage, PvhNoteOf32BitsIsUnderstood) {
  ElfFixture elf;
  elf.notes = testing::pvh_note(static_cast<std::uint32_t>(ElfFixture::kBase + 16));
  const auto image = parse(elf.build());
  ASSERT_TRUE(image.has_value()) << describe(image.error());
  EXPECT_EQ(image->entry, GuestAddress(ElfFixture::kBase + 16));
}

TEST(KernelImage, PvhNoteAmongOthersIsFound) {
  ElfFixture elf;
  Bytes notes = testing::note(std::string_view("GNU\0", 4), 18, Bytes(20));
  const Bytes version = testing::note(std::string_view("Xen\0", 4), 6, Bytes(5));
  notes.insert(notes.end(), version.begin(), version.end());
  notes.insert(notes.end(), elf.notes.begin(), elf.notes.end());
  elf.notes = notes;
  EXPECT_TRUE(parse(elf.build()).has_value());
}

TEST(KernelImage, EmptySegmentIsSkipped) {
  ElfFixture elf;
  elf.add_segment(ElfFixture::kBase, 0).p_filesz = 0;
  const auto image = parse(elf.build());
  ASSERT_TRUE(image.has_value()) << describe(image.error());
  EXPECT_EQ(image->count, 1U);
}

struct Refusal {
  const char* name;
  KernelFault fault;
  std::function<void(ElfFixture&)> spoil;
};

// Or GoogleTest prints the bytes of the function.
void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }  // NOLINT(*-naming)

class KernelImageRefuses : public ::testing::TestWithParam<Refusal> {};

TEST_P(KernelImageRefuses, WithTheRightFault) {
  ElfFixture elf;
  GetParam().spoil(elf);
  const auto image = parse(elf.build());
  ASSERT_FALSE(image.has_value());
  EXPECT_EQ(image.error(), GetParam().fault) << describe(image.error());
}

const Refusal refusals[] = {
    {"Elf32", KernelFault::kNot64Bit, [](ElfFixture& e) { e.header.e_ident[EI_CLASS] = ELFCLASS32; }},
    {"BigEndian", KernelFault::kNotLittleEndian,
     [](ElfFixture& e) { e.header.e_ident[EI_DATA] = ELFDATA2MSB; }},
    {"OtherMachine", KernelFault::kNotX86, [](ElfFixture& e) { e.header.e_machine = EM_AARCH64; }},
    {"Module", KernelFault::kNotExecutable, [](ElfFixture& e) { e.header.e_type = ET_REL; }},
    {"ProgramHeadersOfOddSize", KernelFault::kBadProgramHeaders,
     [](ElfFixture& e) { e.header.e_phentsize = sizeof(Elf64_Phdr) + 8; }},
    {"TooManyProgramHeaders", KernelFault::kBadProgramHeaders, [](ElfFixture& e) { e.header.e_phnum = 65; }},
    {"ProgramHeadersBehindTheEnd", KernelFault::kTruncated,
     [](ElfFixture& e) { e.header.e_phoff = ~std::uint64_t{0} - 8; }},
    {"NothingToLoad", KernelFault::kNoSegments, [](ElfFixture& e) { e.segments.clear(); }},
    {"SeventeenSegments", KernelFault::kTooManySegments,
     [](ElfFixture& e) {
       for (std::uint64_t i = 1; i <= KernelImage::kSegmentsMax; ++i) {
         e.add_segment(ElfFixture::kBase + i * 8192, 8192);
       }
     }},
    {"SegmentLargerInFileThanInMemory", KernelFault::kBadSegment,
     [](ElfFixture& e) { e.segments[0].p_memsz = e.segments[0].p_filesz - 1; }},
    {"SegmentThatWrapsAround", KernelFault::kBadSegment,
     [](ElfFixture& e) { e.segments[0].p_paddr = ~std::uint64_t{0} - 4096; }},
    {"SegmentBehindTheEndOfTheFile", KernelFault::kTruncated,
     [](ElfFixture& e) { e.segments[0].p_offset = 4096; }},
    {"SegmentWhoseFileRangeOverflows", KernelFault::kTruncated,
     [](ElfFixture& e) { e.segments[0].p_offset = ~std::uint64_t{0}; }},
    {"SegmentsThatOverlap", KernelFault::kSegmentsOverlap,
     [](ElfFixture& e) { e.add_segment(ElfFixture::kBase + 8191, 4096); }},
    {"NotesTooLarge", KernelFault::kNotesTooLarge, [](ElfFixture& e) { e.note_header.p_filesz = 16385; }},
    {"NotesBehindTheEnd", KernelFault::kTruncated, [](ElfFixture& e) { e.note_header.p_offset = 1U << 20U; }},
    {"NoteLongerThanItsSegment", KernelFault::kTruncated,
     [](ElfFixture& e) { e.note_header.p_filesz = e.notes.size() - 1; }},
    {"NoNotes", KernelFault::kNoPvhNote, [](ElfFixture& e) { e.note_header.p_type = PT_NULL; }},
    {"NoteOfAnotherVendor", KernelFault::kNoPvhNote,
     [](ElfFixture& e) { e.notes = testing::note(std::string_view("GNU\0", 4), 18, Bytes(8)); }},
    {"NoteOfAnotherType", KernelFault::kNoPvhNote,
     [](ElfFixture& e) { e.notes = testing::note(std::string_view("Xen\0", 4), 19, Bytes(8)); }},
    {"PvhNoteOfOddSize", KernelFault::kBadPvhNote,
     [](ElfFixture& e) { e.notes = testing::note(std::string_view("Xen\0", 4), 18, Bytes(5)); }},
    {"EntryInBss", KernelFault::kEntryOutside,
     [](ElfFixture& e) { e.notes = testing::pvh_note(ElfFixture::kBase + 4096); }},
    {"EntryAbove4GiB", KernelFault::kEntryOutside,
     [](ElfFixture& e) {
       e.add_segment(4 * kGiB, 4096);
       e.notes = testing::pvh_note(4 * kGiB);
     }},
};

INSTANTIATE_TEST_SUITE_P(All, KernelImageRefuses, ::testing::ValuesIn(refusals),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(KernelImage, EveryTruncationIsRefused) {
  const Bytes file = ElfFixture().build();
  for (std::size_t bytes = 0; bytes < file.size(); ++bytes) {
    ASSERT_FALSE(parse({file.begin(), file.begin() + static_cast<std::ptrdiff_t>(bytes)}).has_value())
        << bytes;
  }
}

TEST(KernelImage, OtherFormatsAreNamed) {
  const auto fault_of = [](std::string_view head) { return parse(from_text(head)).error(); };
  EXPECT_EQ(fault_of(""), KernelFault::kEmpty);
  EXPECT_EQ(fault_of("x"), KernelFault::kNotElf);
  EXPECT_EQ(fault_of(std::string(4096, '\0')), KernelFault::kNotElf);
  EXPECT_EQ(fault_of("\x1f\x8b\x08 more"), KernelFault::kGzip);
  EXPECT_EQ(fault_of(std::string("\xfd"
                                 "7zXZ\0",
                                 6)),
            KernelFault::kXz);
  EXPECT_EQ(fault_of("\x28\xb5\x2f\xfd more"), KernelFault::kZstd);
  EXPECT_EQ(fault_of("BZh9"), KernelFault::kBzip2);
  EXPECT_EQ(fault_of("\x02\x21\x4c\x18 more"), KernelFault::kLz4);
  EXPECT_EQ(fault_of(std::string("\x5d\0\0\x80", 4)), KernelFault::kLzma);
  EXPECT_EQ(fault_of(std::string("\x89LZO\0\r\n\x1a\n", 9)), KernelFault::kLzo);
  EXPECT_EQ(fault_of("\x7f"
                     "ELF"),
            KernelFault::kTruncated);
}

TEST(KernelImage, BzImageIsToldHowToBeUnpacked) {
  std::string file(4096, '\0');
  file.replace(0, 2, "MZ");
  file.replace(0x1fe, 2, "\x55\xaa");
  file.replace(0x202, 4, "HdrS");
  const auto image = parse(from_text(file));
  ASSERT_FALSE(image.has_value());
  EXPECT_EQ(image.error(), KernelFault::kBzImage);
  EXPECT_NE(describe(image.error()).find("scripts/extract-vmlinux"), std::string_view::npos);
}

TEST(KernelImage, EveryFaultHasItsOwnSentence) {
  std::vector<std::string_view> seen;
  for (int i = 0; i <= static_cast<int>(KernelFault::kOverlapsBootData); ++i) {
    const std::string_view sentence = describe(static_cast<KernelFault>(i));
    EXPECT_EQ(std::count(seen.begin(), seen.end(), sentence), 0) << sentence;
    EXPECT_NE(sentence, "it is not a kernel") << i;
    seen.push_back(sentence);
  }
}

class Placement : public ::testing::Test {
 protected:
  // 64 MiB, a hole, 64 MiB from 4 GiB on.
  const GuestMemory::Region ram_[2] = {{{GuestAddress(0), 64 * kMiB}, nullptr},
                                       {{GuestAddress(4 * kGiB), 64 * kMiB}, nullptr}};
  const GuestRange reserved_[1] = {{GuestAddress(0x6000), 0x2000}};

  [[nodiscard]] std::optional<KernelFault> check(std::uint64_t start, std::uint64_t bytes) const {
    KernelImage image;
    image.segments[image.count++] = {0, 0, {GuestAddress(start), bytes}};
    return check_placement(image, ram_, reserved_);
  }
};

TEST_F(Placement, SegmentThatFillsARegionFits) {
  EXPECT_EQ(check(0x8000, 64 * kMiB - 0x8000), std::nullopt);
  EXPECT_EQ(check(4 * kGiB, 64 * kMiB), std::nullopt);
}
TEST_F(Placement, KernelLargerThanMemoryIsRefused) {
  EXPECT_EQ(check(16 * kMiB, 128 * kMiB + 1), KernelFault::kLargerThanMemory);
}
TEST_F(Placement, SegmentAcrossTheEndOfARegionIsRefused) {
  EXPECT_EQ(check(16 * kMiB, 48 * kMiB + 1), KernelFault::kBeyondMemory);
}
TEST_F(Placement, SegmentInTheHoleIsRefused) { EXPECT_EQ(check(64 * kMiB, 1), KernelFault::kBeyondMemory); }
TEST_F(Placement, SegmentAtTheEndOfTheAddressSpaceIsRefused) {
  EXPECT_EQ(check(~std::uint64_t{0} - 1, 1), KernelFault::kBeyondMemory);
}
TEST_F(Placement, BootDataIsNotOverwritten) {
  EXPECT_EQ(check(0x7fff, 1), KernelFault::kOverlapsBootData);
  EXPECT_EQ(check(0, 0x6001), KernelFault::kOverlapsBootData);
  EXPECT_EQ(check(0, 0x6000), std::nullopt);
}

}  // namespace
}  // namespace mayfly::boot
