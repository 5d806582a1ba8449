// SPDX-License-Identifier: Apache-2.0
/// A line with a module's name, then a list: what is found lies in the list, and its words come to an end.
#include <cstdlib>
#include <string_view>

#include "guest-init/module_list.hpp"

namespace {

void require_within(std::string_view part, std::string_view whole) {
  if (part.data() < whole.data() || part.data() + part.size() > whole.data() + whole.size()) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  // Safe: bytes viewed as char.
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\n');
  if (end == std::string_view::npos) {
    return 0;
  }
  const std::string_view list = input.substr(end + 1);
  const auto found = mayfly::init::find_module(list, input.substr(0, end));
  if (!found.has_value()) {
    return 0;
  }
  require_within(found->file, list);
  std::string_view needs = found->needs;
  std::size_t left = needs.size() + 1;
  for (std::string_view word = mayfly::init::take_last_word(needs); !word.empty();
       word = mayfly::init::take_last_word(needs)) {
    require_within(word, found->needs);
    if (needs.size() >= left) {
      std::abort();
    }
    left = needs.size();
  }
  return 0;
}
