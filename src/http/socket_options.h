// What is set on every accepted socket. Called by the listener, right after accept; failures do not matter.
#pragma once

#include <cstdint>

#include "http/http.h"

namespace kvasir {

// Small writes leave at once, a vanished peer is noticed: also while `write_timeout_ms` of sent bytes are not
// acknowledged.
void set_socket_options(int socket_fd, SocketKind kind, std::uint32_t write_timeout_ms);

}  // namespace kvasir
