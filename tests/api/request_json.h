// What clients send: a ChatRequest written as the JSON of each protocol, the inverse of the parsers. Pure
// functions.
#pragma once

#include <boost/json.hpp>

#include "api/chat_request.h"

namespace kvasir::test {

enum class ContentForm { kString, kParts };  // "a\nb", or parts "a" and "b"

boost::json::object openai_request_json(const ChatRequest& request, ContentForm form);
boost::json::object anthropic_request_json(const ChatRequest& request, ContentForm form);

}  // namespace kvasir::test
