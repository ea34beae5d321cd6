// What whole responses and their streams share. Pure functions.
#pragma once

#include <vector>

#include <boost/json.hpp>

#include "api/chat_answer.h"

namespace kvasir {

boost::json::array response_logprobs_json(const std::vector<AnswerLogprob>& logprobs);

}  // namespace kvasir
