// The target of a request line, taken apart: path and query, percent-decoded. Pure functions; thread-safe.
//
// What is refused here never reaches a handler: broken %-encodings, text that is not UTF-8, control
// characters in a path.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/http.h"

namespace kvasir {

struct HttpTarget {
    std::string path;       // decoded, starts with '/'
    HttpHeaders query;      // decoded pairs
    std::string authority;  // of the absolute form ("GET http://host/path"), else empty
};

// kInvalidArgument with a sentence for the client.
Result<HttpTarget> parse_target(std::string_view target);

}  // namespace kvasir
