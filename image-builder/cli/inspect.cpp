// SPDX-License-Identifier: Apache-2.0
#include "image-builder/cli/inspect.hpp"

#include <array>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "host/base/hex.hpp"
#include "image-builder/tree/path.hpp"

namespace mayfly::image {
namespace {

using protocol::LaunchField;

std::vector<std::string> values(const ImageFile& image, LaunchField field) {
  std::vector<std::string> values;
  image.launch().for_each([&](const protocol::LaunchRecord& record) {
    if (record.field == field) {
      values.emplace_back(record.value);
    }
  });
  return values;
}

const char* file_system_name(const ImageFile& image) {
  return image.info().file_system == FileSystem::kErofs ? "erofs" : "ext4";
}

struct SingleField {
  const char* name;
  LaunchField field;
};
constexpr std::array<SingleField, 3> kSingleFields = {
    {{"workdir", LaunchField::kWorkdir}, {"user", LaunchField::kUser}, {"hostname", LaunchField::kHostname}}};

void line(std::string& out, std::string name, const std::string& value) {
  name.resize(14, ' ');
  out += name + value + "\n";
}

}  // namespace

std::string describe_image(const ImageFile& image) {
  const ImageInfo& info = image.info();
  std::string out;
  line(out, "file system", file_system_name(image));
  line(out, "files", std::to_string(image.count_files()));
  line(out, "image bytes", std::to_string(info.image_bytes));
  line(out, "fs bytes", std::to_string(info.fs_bytes));
  std::string command;
  for (const std::string& argument : values(image, LaunchField::kArgument)) {
    command += (command.empty() ? "" : " ") + in_quotes(argument);
  }
  line(out, "entrypoint", command.empty() ? "(none)" : command);
  for (const std::string& variable : values(image, LaunchField::kEnvironment)) {
    line(out, "env", in_quotes(variable));
  }
  for (const auto& [name, field] : kSingleFields) {
    const auto value = image.launch().find(field);
    line(out, name, value.has_value() ? in_quotes(*value) : "(none)");
  }
  line(out, "fs sha256", to_hex(info.fs_digest));
  line(out, "launch sha256", to_hex(info.launch_digest));
  return out;
}

std::string describe_image_json(const ImageFile& image) {
  const ImageInfo& info = image.info();
  nlohmann::ordered_json json = {
      {"version", kImageVersion},
      {"file_system", file_system_name(image)},
      {"files", image.count_files()},
      {"image_bytes", info.image_bytes},
      {"fs_bytes", info.fs_bytes},
      {"launch_bytes", info.launch_bytes},
      {"entrypoint", values(image, LaunchField::kArgument)},
      {"env", values(image, LaunchField::kEnvironment)},
  };
  for (const auto& [name, field] : kSingleFields) {
    const auto value = image.launch().find(field);
    json[name] = value.has_value() ? nlohmann::ordered_json(std::string(*value)) : nlohmann::ordered_json();
  }
  json["fs_sha256"] = to_hex(info.fs_digest);
  json["launch_sha256"] = to_hex(info.launch_digest);
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace mayfly::image
