// Text of FakeEngine: a byte tokenizer with three special tokens and small chat templates. Pure functions,
// thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "support/fake_model.h"

namespace kvasir::test {

std::vector<Token> fake_tokenize(std::string_view text, SpecialTokens special);
std::string fake_piece(Token token, SpecialTokens special);
std::string fake_render(FakeTemplate chat_template, const ChatPrompt& prompt);

}  // namespace kvasir::test
