// What the bodies of our routes may hold, as JSON schemas for the OpenAPI document. Bounds are the constants
// that the parsers check with; tests/hostile asks the server for every bound of this document. Pure function,
// any thread.
#pragma once

#include <string_view>

#include <boost/json.hpp>

namespace kvasir {

// Of the route with that pattern. An empty object: it takes no body.
boost::json::object request_schema(std::string_view pattern);
// Of a parameter in a route's pattern: "name", "id".
boost::json::object path_schema(std::string_view parameter);

}  // namespace kvasir
