// SPDX-License-Identifier: Apache-2.0
#include "image-builder/build/build.hpp"

#include <cerrno>

#include <sys/stat.h>

#include "image-builder/build/guest_files.hpp"
#include "image-builder/build/seal.hpp"
#include "image-builder/erofs/writer.hpp"
#include "image-builder/ext4/writer.hpp"
#include "image-builder/io/contents.hpp"
#include "image-builder/io/file_io.hpp"
#include "image-builder/io/output_file.hpp"
#include "image-builder/source/archive_source.hpp"
#include "image-builder/source/directory_source.hpp"
#include "image-builder/tree/path.hpp"

namespace mayfly::image {
namespace {

void read_input(const std::string& from, Contents& contents, Tree& tree, Progress& progress) {
  struct stat status {};
  if (::stat(from.c_str(), &status) != 0) {
    throw InputError(errno, "cannot read input " + in_quotes(from));
  }
  if (S_ISDIR(status.st_mode)) {
    read_directory(from, contents, tree);
  } else {
    read_archive(from, contents, tree, progress);
  }
}

}  // namespace

void build_image(const BuildRequest& request) {
  Progress progress(request.progress);
  OutputFile output(request.output);
  Contents contents(parent_directory(request.output));
  Tree tree;
  read_input(request.from, contents, tree, progress);
  add_guest_files(tree, contents, request.init);
  const std::uint64_t fs_bytes =
      request.file_system == FileSystem::kErofs
          ? erofs::write_erofs(tree, contents, output.fd(), output.path(), progress)
          : ext4::write_ext4(tree, contents, output.fd(), output.path(), progress);
  seal_image(output.fd(), request.file_system, fs_bytes, request.launch, output.path(), progress);
  output.commit();
}

}  // namespace mayfly::image
