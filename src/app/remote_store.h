// The store of a running server, through its owner's socket. One request, one answer; the command's thread.
#pragma once

#include <string>

#include <boost/json.hpp>

#include "base/result.h"

namespace kvasir {

// kUnavailable: nobody serves there.
Result<boost::json::value> ask_server_of_store(const std::string& socket_path, const std::string& route,
                                               const boost::json::object& body);

}  // namespace kvasir
