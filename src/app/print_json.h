// What `--json` prints: one JSON object or array per command, on stdout.
#pragma once

#include <boost/json/value.hpp>

namespace kvasir {

void print_json(const boost::json::value& value);

}  // namespace kvasir
