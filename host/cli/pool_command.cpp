// SPDX-License-Identifier: Apache-2.0
#include "cli/pool_command.hpp"

#include <cstdio>
#include <string_view>

#include "base/error.hpp"
#include "base/say.hpp"
#include "cli/pool_spec.hpp"
#include "cli/text_table.hpp"
#include "pool/client.hpp"
#include "pool/pool.hpp"
#include "vmm/signals.hpp"

namespace mayfly::cli {
namespace {

void say_shelf_is_ready(const pool::Shelf& shelf) {
  std::printf("%s: %u ready\n", to_string(shelf.kind()).c_str(), shelf.status().ready);
  static_cast<void>(std::fflush(stdout));
}

}  // namespace

PoolCommand check_pool_options(const PoolOptions& options) {
  if (options.socket.empty()) {
    throw Error("no socket given; name one with --socket FILE, which `mayfly run --pool FILE` asks");
  }
  return {options.socket, check_shelves(options.memory)};
}

void keep_pool(const PoolCommand& command) {
  vmm::Signals stop({SIGINT, SIGTERM});
  pool::MemfdSource source;
  pool::Pool pool({.shelves = command.shelves, .on_ready = say_shelf_is_ready, .on_trouble = warn}, source,
                  command.socket);
  pool.run(stop.fd());
  // One that is left would end us as the mask is given back.
  while (stop.next().has_value()) {
  }
}

std::string pool_status(const PoolStatusCommand& command) {
  return to_text(pool::ask_status(command.socket));
}

std::string to_text(const std::vector<pool::ShelfStatus>& shelves) {
  std::vector<std::vector<std::string>> rows{{"MEMORY", "PAGES", "NODE", "READY", "LENT", "UNDERWAY", "COUNT",
                                              "MOST", "WAITING", "FILLED", "HANDED-OUT", "LATE"}};
  for (const pool::ShelfStatus& shelf : shelves) {
    const bool is_bound = shelf.node != pool::WireRequest::kNoNode;
    rows.push_back({std::to_string(shelf.bytes / kMiB) + "M",
                    std::string(name(static_cast<Pages>(shelf.pages))),
                    is_bound ? std::to_string(shelf.node) : "-", std::to_string(shelf.ready),
                    std::to_string(shelf.lent), std::to_string(shelf.on_the_way), std::to_string(shelf.count),
                    std::to_string(shelf.most), std::to_string(shelf.waiting), std::to_string(shelf.filled),
                    std::to_string(shelf.handed_out), std::to_string(shelf.handed_out_late)});
  }
  return text_table(rows);
}

}  // namespace mayfly::cli
