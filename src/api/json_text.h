// JSON text in and out: parsed within the limits of api_limits.h, written so that any client can read it.
// Pure functions.
#pragma once

#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "api/api_error.h"

namespace kvasir {

// The body of a request. Refused: what is no JSON or no object, invalid UTF-8, too deep or too large (413).
ApiResult<boost::json::object> parse_request_body(std::string_view text);

// Compact. Numbers as short as they can be read back (0.1, not 1E-1); bytes that are no UTF-8 become U+FFFD;
// the order of fields is kept.
std::string to_json_text(const boost::json::value& value);

// What a client is shown of a text that a model wrote: complete characters only.
std::string replace_invalid_utf8(std::string_view text);

}  // namespace kvasir
