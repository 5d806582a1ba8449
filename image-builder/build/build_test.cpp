// SPDX-License-Identifier: Apache-2.0
#include "image-builder/build/build.hpp"

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "guest-init/protocol/launch.hpp"
#include "image-builder/build/image_file.hpp"
#include "image-builder/testing/init.hpp"
#include "image-builder/testing/program.hpp"
#include "image-builder/testing/tar_writer.hpp"
#include "image-builder/testing/temporary_directory.hpp"
#include "image-builder/tree/path.hpp"

namespace mayfly::image {
namespace {

using testing::pattern;
using testing::read_file;
using testing::run_shell;
using testing::TarWriter;

class Build : public ::testing::Test {
 protected:
  std::string build(const std::string& from, const std::string& name = "image",
                    FileSystem fs = FileSystem::kErofs) {
    BuildRequest request;
    request.from = from;
    request.output = work_ / name;
    request.init = init_;
    request.file_system = fs;
    request.progress = ProgressMode::kQuiet;
    protocol::LaunchWriter writer(request.launch);
    writer.add(protocol::LaunchField::kArgument, "/bin/sh");
    build_image(request);
    return request.output;
  }

  // The InputError of a build that must fail and leave nothing.
  std::string refusal(const std::string& from, FileSystem fs = FileSystem::kErofs) {
    const auto before = testing::names_in(work_.path());
    std::string sentence;
    try {
      build(from, "image", fs);
    } catch (const InputError& error) {
      sentence = error.what();
    }
    EXPECT_EQ(testing::names_in(work_.path()), before);
    return sentence;
  }

  // A tar with a file of each kind of layout, in an order that is not sorted.
  std::string sample_tar(const std::string& name, int filter = ARCHIVE_FILTER_NONE) {
    TarWriter tar(work_ / name, filter);
    tar.directory("./")
        .directory("./usr")
        .file("./usr/large", pattern(std::size_t{5} << 20U, 1))
        .file("./empty", "")
        .file("./tiny", "hello\n")
        .file("./usr/block", pattern(4096, 2))
        .file("./usr/tail", pattern(70001, 3))
        .symlink("./link", "usr/block")
        .symlink("./long", std::string(4000, 't'))
        .hard_link("./again", "./tiny");
    for (int i = 0; i < 300; ++i) {
      tar.file("many/a-rather-long-name-for-a-file-" + std::to_string(i), std::to_string(i));
    }
    tar.close();
    return work_ / name;
  }

  testing::TemporaryDirectory work_;
  std::string init_ = testing::write_init(work_);
};

TEST_F(Build, ErofsHoldsWhatTheArchiveHeld) {
  if (!testing::has_program("fsck.erofs")) {
    GTEST_SKIP() << "fsck.erofs (package erofs-utils) is not installed";
  }
  const std::string image = build(sample_tar("x.tar"));
  const std::string out = work_ / "out";
  const auto fsck = run_shell("fsck.erofs --extract=" + out + " " + image);
  ASSERT_EQ(fsck.status, 0) << fsck.output;
  EXPECT_EQ(read_file(out + "/usr/large"), pattern(std::size_t{5} << 20U, 1));
  EXPECT_EQ(read_file(out + "/usr/block"), pattern(4096, 2));
  EXPECT_EQ(read_file(out + "/usr/tail"), pattern(70001, 3));
  EXPECT_EQ(read_file(out + "/tiny"), "hello\n");
  EXPECT_EQ(read_file(out + "/again"), "hello\n");
  EXPECT_EQ(read_file(out + "/empty"), "");
  EXPECT_EQ(read_file(out + "/many/a-rather-long-name-for-a-file-299"), "299");
  EXPECT_EQ(testing::names_in(out + "/many").size(), 300U);
  EXPECT_EQ(std::filesystem::read_symlink(out + "/link"), "usr/block");
  EXPECT_EQ(std::filesystem::read_symlink(out + "/long").string(), std::string(4000, 't'));
  EXPECT_EQ(read_file(out + "/.mayfly/init"), testing::elf_program());
  EXPECT_EQ(testing::names_in(out),
            (std::set<std::string>{".mayfly", "again", "dev", "empty", "link", "long", "many", "proc", "run",
                                   "sys", "tiny", "tmp", "usr"}));
}

TEST_F(Build, ErofsKeepsOwnersModesTimesAndDevices) {
  if (!testing::has_program("dump.erofs")) {
    GTEST_SKIP() << "dump.erofs (package erofs-utils) is not installed";
  }
  TarWriter tar(work_ / "x.tar");
  tar.file("f", "x", [](archive_entry* entry) {
    archive_entry_set_uid(entry, 100000);
    archive_entry_set_gid(entry, 7);
    archive_entry_set_perm(entry, 04751);
    archive_entry_set_mtime(entry, 86400, 5);
  });
  tar.device("null", AE_IFCHR, 1, 3).file("late", "");
  tar.close();
  const std::string image = build(work_ / "x.tar");
  const auto file = run_shell("dump.erofs --path=/f " + image).output;
  EXPECT_NE(file.find("Uid: 100000"), std::string::npos) << file;
  EXPECT_NE(file.find("Gid: 7"), std::string::npos) << file;
  EXPECT_NE(file.find("0751"), std::string::npos) << file;
  EXPECT_NE(file.find("1970-01-02"), std::string::npos) << file;
  const auto device = run_shell("dump.erofs --path=/null " + image).output;
  EXPECT_NE(device.find("char dev"), std::string::npos) << device;
}

// Everything that stat(2) and getxattr(2) tell, by the kernel's own EROFS.
TEST_F(Build, MountedErofsIsTheDirectoryItWasMadeFrom) {
  const std::string root = work_ / "root";
  std::filesystem::create_directories(root + "/d/many");
  testing::write_file(root + "/d/program", pattern(3000000, 1));
  for (std::size_t i = 0; i < 400; ++i) {
    testing::write_file(root + "/d/many/a-rather-long-name-for-a-file-" + std::to_string(i),
                        std::string(i * 10, 'x'));
  }
  std::filesystem::create_symlink("../d/program", root + "/d/link");
  std::filesystem::create_hard_link(root + "/d/program", root + "/again");
  const auto made =
      run_shell("set -e; cd " + root +
                "; mknod c c 5 300; mknod b b 259 1; mkfifo f; chown 70000:8 d/program; chmod 4751 d/program"
                "; touch -d '1999-01-01 00:00:00.123456789' d/link; mkdir mnt dev proc run sys tmp");
  const std::string image = made.status == 0 ? build(root) : "";
  const std::string mounted = work_ / "mounted";
  std::filesystem::create_directory(mounted);
  if (made.status != 0 || run_shell("mount -t erofs -o loop,ro " + image + " " + mounted).status != 0) {
    GTEST_SKIP() << "needs the rights to make device nodes and to mount, and a kernel with erofs";
  }
  const std::string list =
      " && find . -path ./.mayfly -prune -o -name . -o -printf '%P %y %m %U:%G %n %T@ %l ' "
      "\\( -type f -exec sha256sum {} \\; -o -exec stat -c %t:%T {} \\; \\) | LC_ALL=C sort";
  run_shell("cd " + root + list + " > " + (work_ / "expected"));
  run_shell("cd " + mounted + list + " > " + (work_ / "found"));
  run_shell("umount " + mounted);
  EXPECT_EQ(run_shell("diff " + (work_ / "expected") + " " + (work_ / "found") + " | head -n 20").output, "");
  const std::string found = testing::read_file(work_ / "found");
  EXPECT_GT(std::count(found.begin(), found.end(), '\n'), 400);
}

TEST_F(Build, Ext4HoldsWhatTheArchiveHeldAndIsSound) {
  if (!testing::has_program("e2fsck")) {
    GTEST_SKIP() << "e2fsck (package e2fsprogs) is not installed";
  }
  const std::string image = build(sample_tar("x.tar"), "image", FileSystem::kExt4);
  const auto fsck = run_shell("PATH=$PATH:/sbin e2fsck -fn " + image);
  ASSERT_EQ(fsck.status, 0) << fsck.output;
  const std::string out = work_ / "out";
  std::filesystem::create_directory(out);
  const auto dump = run_shell("PATH=$PATH:/sbin debugfs -R 'rdump / " + out + "' " + image);
  ASSERT_EQ(dump.status, 0) << dump.output;
  EXPECT_EQ(read_file(out + "/usr/large"), pattern(std::size_t{5} << 20U, 1));
  EXPECT_EQ(read_file(out + "/usr/tail"), pattern(70001, 3));
  EXPECT_EQ(read_file(out + "/again"), "hello\n");
  EXPECT_EQ(testing::names_in(out + "/many").size(), 300U);
  EXPECT_EQ(std::filesystem::read_symlink(out + "/long").string(), std::string(4000, 't'));
  EXPECT_EQ(read_file(out + "/.mayfly/init"), testing::elf_program());
}

TEST_F(Build, Ext4KeepsOwnersModesDevicesAndAttributes) {
  if (!testing::has_program("debugfs")) {
    GTEST_SKIP() << "debugfs (package e2fsprogs) is not installed";
  }
  TarWriter tar(work_ / "x.tar");
  tar.file("f", "x", [](archive_entry* entry) {
    archive_entry_set_uid(entry, 100000);
    archive_entry_set_perm(entry, 04751);
    archive_entry_xattr_add_entry(entry, "user.key", "value", 5);
    archive_entry_xattr_add_entry(entry, "security.selinux", "label", 5);
  });
  tar.device("dev/high", AE_IFBLK, 259, 3);
  tar.close();
  const std::string image = build(work_ / "x.tar", "image", FileSystem::kExt4);
  const auto debugfs = [&](const std::string& command) {
    return run_shell("PATH=$PATH:/sbin debugfs -R '" + command + "' " + image).output;
  };
  const std::string file = debugfs("stat /f");
  EXPECT_NE(file.find("User: 100000"), std::string::npos) << file;
  EXPECT_NE(file.find("Mode:  04751"), std::string::npos) << file;
  EXPECT_NE(file.find("mtime: 0x000003e8"), std::string::npos) << file;
  EXPECT_NE(debugfs("stat /dev/high").find("259:03"), std::string::npos);
  const std::string attributes = debugfs("ea_list /f");
  EXPECT_NE(attributes.find("user.key (5) = \"value\""), std::string::npos) << attributes;
  EXPECT_EQ(attributes.find("selinux"), std::string::npos) << attributes;
}

// What holds for both file systems.
class BuildEither : public Build, public ::testing::WithParamInterface<FileSystem> {};

TEST_P(BuildEither, SameInputGivesTheSameBytesWhateverItsOrderAndCompression) {
  const std::string first = read_file(build(sample_tar("x.tar"), "first", GetParam()));
  const std::string zstd =
      read_file(build(sample_tar("x.tar.zst", ARCHIVE_FILTER_ZSTD), "second", GetParam()));
  EXPECT_TRUE(first == zstd);
  TarWriter forward(work_ / "forward.tar");
  forward.file("a", "1").file("b", pattern(9000, 1)).close();
  TarWriter backward(work_ / "backward.tar");
  backward.file("b", pattern(9000, 1)).file("a", "1").close();
  EXPECT_TRUE(read_file(build(work_ / "forward.tar", "f", GetParam())) ==
              read_file(build(work_ / "backward.tar", "b", GetParam())));
}

TEST_P(BuildEither, DirectoryGivesTheSameBytesAsItsArchive) {
  const std::string root = work_ / "root";
  std::filesystem::create_directories(root + "/usr/bin");
  testing::write_file(root + "/usr/bin/x", pattern(50000, 4));
  std::filesystem::create_symlink("bin/x", root + "/usr/link");
  std::filesystem::create_hard_link(root + "/usr/bin/x", root + "/usr/y");
  ASSERT_EQ(::mkfifo((root + "/fifo").c_str(), 0640), 0);
  const auto tar =
      run_shell("tar --format=pax --numeric-owner -C " + root + " -cf " + (work_ / "x.tar") + " .");
  ASSERT_EQ(tar.status, 0) << tar.output;
  EXPECT_TRUE(read_file(build(root, "a", GetParam())) == read_file(build(work_ / "x.tar", "b", GetParam())));
}

TEST_P(BuildEither, ContentDecidesTheBytes) {
  TarWriter first(work_ / "a.tar");
  first.file("x", pattern(9000, 1)).close();
  TarWriter second(work_ / "b.tar");
  second.file("x", pattern(9000, 2)).close();
  EXPECT_FALSE(read_file(build(work_ / "a.tar", "a", GetParam())) ==
               read_file(build(work_ / "b.tar", "b", GetParam())));
}

TEST_P(BuildEither, ImageChecksOut) {
  const ImageFile image(build(sample_tar("x.tar"), "image", GetParam()));
  EXPECT_EQ(image.info().file_system, GetParam());
  EXPECT_EQ(image.info().image_bytes % kImageAlignment, 0U);
  const std::uint64_t lost_and_found = GetParam() == FileSystem::kExt4 ? 1 : 0;
  EXPECT_EQ(image.count_files(), 319U + lost_and_found);
  EXPECT_EQ(image.launch().find(protocol::LaunchField::kArgument), "/bin/sh");
  Progress progress(ProgressMode::kQuiet);
  EXPECT_NO_THROW(image.verify(progress));
}

INSTANTIATE_TEST_SUITE_P(FileSystems, BuildEither, ::testing::Values(FileSystem::kErofs, FileSystem::kExt4),
                         [](const auto& either) {
                           return either.param == FileSystem::kErofs ? "Erofs" : "Ext4";
                         });

TEST_F(Build, VerifyFindsAChangedByteAnywhere) {
  const std::string image = build(sample_tar("x.tar"));
  const std::string good = read_file(image);
  const ImageInfo info = ImageFile(image).info();
  Progress progress(ProgressMode::kQuiet);
  for (const std::uint64_t at : {std::uint64_t{2000}, info.fs_bytes - 1, info.image_bytes - 1}) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] + 1);
    testing::write_file(image, bad);
    EXPECT_THROW(ImageFile(image).verify(progress), InputError) << at;
  }
}

TEST_F(Build, SparseMembersStaySparse) {
  const std::string root = work_ / "root";
  std::filesystem::create_directory(root);
  testing::write_file(root + "/sparse", "begin");
  std::filesystem::resize_file(root + "/sparse", std::uint64_t{32} << 20U);
  ASSERT_EQ(run_shell("tar -S -C " + root + " -cf " + (work_ / "x.tar") + " .").status, 0);
  const std::string image = build(work_ / "x.tar");
  struct stat status {};
  ASSERT_EQ(::stat(image.c_str(), &status), 0);
  EXPECT_GT(status.st_size, 32 << 20);
  EXPECT_LT(status.st_blocks * 512, 4 << 20);
}

TEST_F(Build, PosixAclsBecomeTheXattrsThatLinuxKnows) {
  if (!testing::has_program("debugfs")) {
    GTEST_SKIP() << "debugfs (package e2fsprogs) is not installed";
  }
  TarWriter tar(work_ / "x.tar");
  tar.file("f", "x", [](archive_entry* entry) {
    const int access = ARCHIVE_ENTRY_ACL_TYPE_ACCESS;
    archive_entry_acl_add_entry(entry, access, 6, ARCHIVE_ENTRY_ACL_USER_OBJ, -1, "");
    archive_entry_acl_add_entry(entry, access, 7, ARCHIVE_ENTRY_ACL_USER, 1234, "");
    archive_entry_acl_add_entry(entry, access, 4, ARCHIVE_ENTRY_ACL_GROUP_OBJ, -1, "");
    archive_entry_acl_add_entry(entry, access, 7, ARCHIVE_ENTRY_ACL_MASK, -1, "");
    archive_entry_acl_add_entry(entry, access, 0, ARCHIVE_ENTRY_ACL_OTHER, -1, "");
  });
  tar.close();
  const std::string image = build(work_ / "x.tar", "image", FileSystem::kExt4);
  const auto debugfs = [&](const std::string& command) {
    return run_shell("PATH=$PATH:/sbin debugfs -R '" + command + "' " + image).output;
  };
  const std::string attributes = debugfs("ea_get -x /f system.posix_acl_access");
  EXPECT_NE(attributes.find("02 00 00 00 01 00 06 00 00 00 00 00 02 00 07 00 d2 04 00 00 04 00 04 00"),
            std::string::npos)
      << attributes;
  EXPECT_NE(debugfs("stat /f").find("Mode:  0670"), std::string::npos) << "the group's bits are the mask";
}

TEST_F(Build, MembersThatEscapeAreRefused) {
  TarWriter parent(work_ / "parent.tar");
  parent.file("usr/../../x", "").close();
  EXPECT_NE(refusal(work_ / "parent.tar").find("escapes"), std::string::npos);
  TarWriter absolute(work_ / "absolute.tar");
  absolute.file("/etc/x", "").close();
  EXPECT_NE(refusal(work_ / "absolute.tar").find("absolute"), std::string::npos);
  TarWriter link(work_ / "link.tar");
  link.symlink("lib", "/etc").file("lib/x", "").close();
  EXPECT_NE(refusal(work_ / "link.tar").find("symbolic link"), std::string::npos);
  TarWriter hard(work_ / "hard.tar");
  hard.hard_link("x", "../../etc/passwd").close();
  EXPECT_NE(refusal(work_ / "hard.tar").find("escapes"), std::string::npos);
  TarWriter missing(work_ / "missing.tar");
  missing.hard_link("x", "nowhere").close();
  EXPECT_NE(refusal(work_ / "missing.tar").find("\"nowhere\""), std::string::npos);
}

TEST_F(Build, TruncatedArchivesAreRefusedWhereverTheyEnd) {
  const std::string whole = read_file(sample_tar("x.tar"));
  for (const std::size_t bytes : {std::size_t{100}, std::size_t{512}, std::size_t{3584}, whole.size() / 2,
                                  whole.size() - 1024, whole.size() - 1024 - 700}) {
    testing::write_file(work_ / "cut.tar", whole.substr(0, bytes));
    EXPECT_NE(refusal(work_ / "cut.tar"), "") << bytes;
  }
  const std::string packed = read_file(sample_tar("x.tar.xz", ARCHIVE_FILTER_XZ));
  for (const std::size_t bytes : {packed.size() / 3, packed.size() - 20}) {
    testing::write_file(work_ / "cut.tar.xz", packed.substr(0, bytes));
    EXPECT_NE(refusal(work_ / "cut.tar.xz"), "") << bytes;
  }
}

TEST_F(Build, WhatIsNoArchiveIsRefused) {
  testing::write_file(work_ / "text", "this is no archive\n");
  EXPECT_NE(refusal(work_ / "text").find("not a tar archive"), std::string::npos);
  testing::write_file(work_ / "nothing", "");
  EXPECT_NE(refusal(work_ / "nothing"), "");
  EXPECT_NE(refusal(work_ / "absent").find("No such file"), std::string::npos);
}

TEST_F(Build, MayflysOwnDirectoryIsRefused) {
  TarWriter tar(work_ / "x.tar");
  tar.directory(".mayfly").close();
  EXPECT_NE(refusal(work_ / "x.tar").find("/.mayfly"), std::string::npos);
}

TEST_F(Build, AFileInPlaceOfAMountPointIsRefused) {
  TarWriter tar(work_ / "x.tar");
  tar.file("proc", "").close();
  EXPECT_NE(refusal(work_ / "x.tar").find("\"proc\""), std::string::npos);
}

TEST_F(Build, DeviceNumbersThatLinuxDoesNotKnowAreRefused) {
  TarWriter tar(work_ / "x.tar");
  tar.device("x", AE_IFCHR, 4096, 0).close();
  EXPECT_NE(refusal(work_ / "x.tar").find("device number"), std::string::npos);
}

TEST_F(Build, AttributesBeyondExt4AreRefusedByName) {
  TarWriter tar(work_ / "x.tar");
  tar.file("d/f", "", [](archive_entry* entry) {
    const std::string value(10000, 'v');
    archive_entry_xattr_add_entry(entry, "user.key", value.data(), value.size());
  });
  tar.close();
  EXPECT_NE(refusal(work_ / "x.tar", FileSystem::kExt4).find("\"d/f\""), std::string::npos);
  EXPECT_NO_THROW(build(work_ / "x.tar"));
}

TEST_F(Build, InitMustBeAStaticProgram) {
  TarWriter tar(work_ / "x.tar");
  tar.file("x", "").close();
  for (const std::string& init : {std::string("#!/bin/sh\n"), std::string(), testing::elf_program(PT_INTERP),
                                  testing::elf_program().substr(0, 100)}) {
    testing::write_file(init_, init);
    EXPECT_THROW(build(work_ / "x.tar"), Error);
  }
  std::filesystem::remove(init_);
  EXPECT_THROW(build(work_ / "x.tar"), Error);
}

}  // namespace
}  // namespace mayfly::image
