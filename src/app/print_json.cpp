#include "app/print_json.h"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace kvasir {

void print_json(const boost::json::value& value) { fmt::print("{}\n", boost::json::serialize(value)); }

}  // namespace kvasir
