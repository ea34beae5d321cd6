// The id of a request: the client's when it is usable, else 128 random bits. Pure but for the random numbers;
// thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace kvasir {

// 1..128 characters of [A-Za-z0-9._:-]: safe in a header, a log line and a file name's neighbourhood.
bool is_usable_request_id(std::string_view id);

std::string make_request_id();  // 32 hexadecimal digits

}  // namespace kvasir
