// SPDX-License-Identifier: Apache-2.0
#include <clocale>
#include <cstdio>
#include <exception>
#include <string>
#include <variant>

#include "image-builder/build/build.hpp"
#include "image-builder/build/image_file.hpp"
#include "image-builder/cli/inspect.hpp"
#include "image-builder/cli/options.hpp"
#include "image-builder/io/interrupt.hpp"
#include "image-builder/tree/path.hpp"

namespace mayfly::image {
namespace {

struct Run {
  ExitStatus operator()(const BuildRequest& request) const {
    build_image(request);
    return ExitStatus::kOk;
  }
  ExitStatus operator()(const InspectRequest& request) const {
    const ImageFile image(request.image);
    return print(request.form == OutputForm::kJson ? describe_image_json(image) : describe_image(image));
  }
  ExitStatus operator()(const VerifyRequest& request) const {
    Progress progress(request.progress);
    ImageFile(request.image).verify(progress);
    return ExitStatus::kOk;
  }
  ExitStatus operator()(const Printed& printed) const { return printed.status; }

 private:
  static ExitStatus print(const std::string& text) {
    if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
      fail_errno("cannot write to standard output");
    }
    return ExitStatus::kOk;
  }
};

ExitStatus complain(const char* sentence, ExitStatus status) {
  static_cast<void>(std::fprintf(stderr, "mayfly-image: %s\n", sentence));
  return status;
}

ExitStatus run(int argc, char** argv) {
  try {
    catch_interrupts();
    // libarchive gives names in the locale's encoding; pax archives hold them in UTF-8.
    static_cast<void>(std::setlocale(LC_CTYPE, "C.UTF-8"));
    return std::visit(Run{}, parse_command_line(argc, argv));
  } catch (const InputError& error) {
    return complain(error.what(), ExitStatus::kBadInput);
  } catch (const Interrupted& interrupted) {
    die_by(interrupted);
  } catch (const std::exception& error) {
    return complain(error.what(), ExitStatus::kOwnFailure);
  }
}

}  // namespace
}  // namespace mayfly::image

int main(int argc, char** argv) { return static_cast<int>(mayfly::image::run(argc, argv)); }
