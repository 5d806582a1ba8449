// SPDX-License-Identifier: Apache-2.0
#include "control/messages.hpp"

#include <array>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "control/status_json.hpp"

namespace mayfly::control {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 8> kVerbs{"status", "balloon", "stop", "kill",
                                                 "pause",  "resume",  "wait", "exec"};

tl::unexpected<Refusal> malformed(std::string message) {
  return unexpected(Refusal{"malformed", std::move(message)});
}

/// Text of others may hold any bytes; what we send is UTF-8.
std::string dump(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace) + '\n';
}

/// Each member is one that there is, and no object or array: so a request cannot be deep.
std::optional<Refusal> unknown_member(const Json& json) {
  for (const auto& [key, value] : json.items()) {
    if (value.is_structured()) {
      return Refusal{"malformed", "a request has no objects or arrays in it"};
    }
    if (key != "version" && key != "verb" && key != "bytes") {
      return Refusal{"unknown-member", "a request has the members version, verb and bytes, no others"};
    }
  }
  return std::nullopt;
}

std::optional<Verb> verb_of(const Json& json) {
  const auto found = json.find("verb");
  if (found == json.end() || !found->is_string()) {
    return std::nullopt;
  }
  const auto& word = found->get_ref<const std::string&>();
  for (std::size_t i = 0; i < kVerbs.size(); ++i) {
    if (word == kVerbs[i]) {
      return static_cast<Verb>(i);
    }
  }
  return std::nullopt;
}

bool is_our_version(const Json& json) {
  const auto found = json.find("version");
  return found != json.end() && found->is_number_unsigned() &&
         found->get<std::uint64_t>() == std::uint64_t{kVersion};
}

/// Nothing when it is none.
std::optional<Refusal> read_refusal(const Json& json) {
  if (!json.is_object()) {
    return std::nullopt;
  }
  const auto code = json.find("code");
  const auto message = json.find("message");
  if (code == json.end() || !code->is_string() || message == json.end() || !message->is_string()) {
    return std::nullopt;
  }
  return Refusal{code->get<std::string>(), message->get<std::string>()};
}

}  // namespace

std::string_view name(Verb verb) noexcept { return kVerbs.at(static_cast<std::size_t>(verb)); }

Result<Request, Refusal> parse_request(std::string_view line) {
  if (line.size() > kRequestBytesMax) {
    return unexpected(
        Refusal{"too-long", "a request has at most " + std::to_string(kRequestBytesMax) + " bytes"});
  }
  const Json json = Json::parse(line, nullptr, false);
  if (json.is_discarded() || !json.is_object()) {
    return malformed("a request is one JSON object on a line");
  }
  if (auto refusal = unknown_member(json)) {
    return unexpected(*std::move(refusal));
  }
  if (!is_our_version(json)) {
    return unexpected(
        Refusal{"version", "this mayfly speaks version " + std::to_string(kVersion) +
                               " of the protocol; say \"version\": " + std::to_string(kVersion)});
  }
  const auto verb = verb_of(json);
  if (!verb.has_value()) {
    return unexpected(Refusal{
        "unknown-verb", "the verb is one of status, balloon, stop, kill, pause, resume, wait and exec"});
  }
  Request request{.verb = *verb};
  const auto bytes = json.find("bytes");
  if ((bytes != json.end()) != (*verb == Verb::kBalloon)) {
    return malformed("the verb balloon has the member bytes, others have not");
  }
  if (bytes != json.end()) {
    if (!bytes->is_number_unsigned()) {
      return malformed("bytes is a number, not below 0");
    }
    request.bytes = bytes->get<std::uint64_t>();
  }
  return request;
}

std::string to_line(const Request& request) {
  Json json{{"version", kVersion}, {"verb", name(request.verb)}};
  if (request.verb == Verb::kBalloon) {
    json["bytes"] = request.bytes;
  }
  return dump(json);
}

std::string to_line(const Response& response) {
  Json json{{"version", kVersion}, {"ok", !response.refusal.has_value()}};
  if (response.refusal) {
    json["error"] = {{"code", response.refusal->code}, {"message", response.refusal->message}};
  }
  if (response.status) {
    json["status"] = to_json(*response.status);
  }
  if (response.exit_status) {
    json["exit_status"] = *response.exit_status;
  }
  return dump(json);
}

std::optional<Response> parse_response(std::string_view line) {
  const Json json =
      line.size() > kResponseBytesMax ? Json(Json::value_t::discarded) : Json::parse(line, nullptr, false);
  if (json.is_discarded() || !json.is_object() || !is_our_version(json)) {
    return std::nullopt;
  }
  const auto ok = json.find("ok");
  if (ok == json.end() || !ok->is_boolean()) {
    return std::nullopt;
  }
  Response response;
  if (!ok->get<bool>()) {
    const auto error = json.find("error");
    response.refusal = error == json.end() ? std::nullopt : read_refusal(*error);
    return response.refusal ? std::optional(std::move(response)) : std::nullopt;
  }
  if (const auto status = json.find("status"); status != json.end()) {
    response.status = read_status(*status);
    if (!response.status) {
      return std::nullopt;
    }
  }
  if (const auto status = json.find("exit_status"); status != json.end()) {
    if (!status->is_number_unsigned() || status->get<std::uint64_t>() > 255) {
      return std::nullopt;
    }
    response.exit_status = status->get<int>();
  }
  return response;
}

std::string to_json_text(const Status& status) { return dump(to_json(status), 2); }

std::string to_json_text(const std::vector<Status>& all) {
  Json json = Json::array();
  for (const Status& status : all) {
    json.push_back(to_json(status));
  }
  return dump(json, 2);
}

}  // namespace mayfly::control
