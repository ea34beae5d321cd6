// Random requests and answers for property tests; to be called within rc::check. What a protocol cannot say
// is left out.
#pragma once

#include <string>
#include <vector>

#include "api/chat_answer.h"
#include "api/chat_request.h"

namespace kvasir::test {

enum class Protocol { kOpenAi, kAnthropic };

std::string random_text();
ChatRequest random_request(Protocol protocol);

ChatAnswer random_answer();
// The steps that the answer may have come in: reasoning, content, then call after call, cut anywhere between
// characters.
std::vector<AnswerDelta> random_steps(const ChatAnswer& answer);

}  // namespace kvasir::test
