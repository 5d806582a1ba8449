// SPDX-License-Identifier: Apache-2.0
#include "ci/gate/measurement.hpp"

#include <array>
#include <ctime>

#include "base/error.hpp"

namespace mayfly::gate {

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  static_cast<void>(std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts));
  return text.data();
}

Mode read_mode(ObjectReader& reader, const char* key) {
  const std::string mode = reader.text(key);
  if (mode != "wall" && mode != "counted") {
    reader.refuse(key, "is neither \"wall\" nor \"counted\"");
  }
  return mode == "wall" ? Mode::kWall : Mode::kCounted;
}

Json to_json(const Fingerprint& fingerprint) {
  return Json{{"host", fingerprint.host}, {"guest", fingerprint.guest}};
}

Fingerprint parse_fingerprint(ObjectReader reader) {
  Fingerprint fingerprint{reader.texts("host"), reader.texts("guest")};
  reader.refuse_unknown();
  return fingerprint;
}

std::string to_text(const Measurement& measurement) {
  Json head;
  head["version"] = 1;
  head["mode"] = name(measurement.mode);
  head["session"] = measurement.session;
  head["label"] = measurement.label;
  head["taken_at"] = measurement.taken_at;
  head["fingerprint"] = to_json(measurement.fingerprint);
  // The label and the options may be any bytes.
  const auto dump = [](const Json& json, int indent) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace);
  };
  std::string text = dump(head, 2);
  text.resize(text.size() - 2);  // "\n}"
  text += ",\n  \"samples\": [";
  for (std::size_t i = 0; i < measurement.samples.size(); ++i) {
    text += (i == 0 ? "\n    " : ",\n    ") + dump(to_json(measurement.samples[i]), -1);
  }
  return text + "\n  ]\n}\n";
}

Measurement parse_measurement(const std::string& file, std::string_view text) {
  const Json json = parse_json(file, text);
  ObjectReader reader(file, "", json);
  if (reader.count("version") != 1) {
    reader.refuse("version", "is not 1; measure anew with this mayfly-gate");
  }
  Measurement measurement;
  measurement.mode = read_mode(reader, "mode");
  measurement.session = reader.text("session");
  measurement.label = reader.text("label");
  measurement.taken_at = reader.text("taken_at");
  measurement.fingerprint = parse_fingerprint(reader.object("fingerprint"));
  const Json& samples = reader.array("samples");
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const std::string where = "samples[" + std::to_string(i) + "]";
    measurement.samples.push_back(parse_sample(ObjectReader(file, where, samples[i])));
    if (const auto fault = fault_of(measurement.samples.back())) {
      reader.refuse("the guest of " + where, *fault);
    }
  }
  reader.refuse_unknown();
  if (measurement.samples.empty()) {
    reader.refuse("samples", "is empty; measure at least one boot");
  }
  return measurement;
}

}  // namespace mayfly::gate
