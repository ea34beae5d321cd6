// Server-sent events, taken out of bytes as they come. One stream's; its caller's thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kvasir {

struct ServerEvent {
    std::string name;
    std::string data;
};

class EventReader {
  public:
    using Sink = std::function<Status(const ServerEvent&)>;

    // bytes_max: of one event. More is kUnavailable.
    EventReader(std::size_t bytes_max, Sink sink) : bytes_max_(bytes_max), sink_(std::move(sink)) {}
    Status push(std::string_view bytes);

  private:
    Status take_line(std::string_view line);

    const std::size_t bytes_max_;
    const Sink sink_;
    std::string rest_;  // of a line that is not complete
    ServerEvent event_;
};

}  // namespace kvasir
