// Small changes to a grammar that llama-common made: one rule on each line, alternatives as
// names. Pure functions on text; each leaves the grammar alone where it does not find what it expects.
#pragma once

#include <string>

#include <chat.h>

namespace kvasir {

// The generation prompt that the root begins with is taken off: it stands in the prompt. (A sampler can be
// led past it only by tokens that spell it in the same way, which not every tokenizer has.) Whether it was
// there.
bool drop_literal(const std::string& text, std::string& grammar);

// The root of `grammar` becomes that of `other`, if it has all rules named there. Whether it does.
bool begin_with_rules_of(const std::string& other, std::string& grammar);

// Where the root is a choice of one call or many, it becomes the one.
void allow_one_call(common_chat_params& params);

// Numbers have no exponents that no double can hold: JSON allows them, but no client could read them.
void bound_exponents(std::string& grammar);

}  // namespace kvasir
