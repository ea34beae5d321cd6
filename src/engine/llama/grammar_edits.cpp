#include "engine/llama/grammar_edits.h"

#include <algorithm>
#include <sstream>
#include <string_view>
#include <utility>

#include <json-schema-to-grammar.h>

namespace kvasir {

namespace {

constexpr std::string_view kIs = " ::= ";

struct Line {
    std::size_t begin = 0;
    std::size_t size = 0;
};

// What the rule is; of size 0 when there is none.
Line body_of(const std::string& grammar, const std::string& rule) {
    const std::string start = rule + std::string(kIs);
    std::size_t begin = grammar.find("\n" + start);
    if (grammar.starts_with(start))
        begin = 0;
    else if (begin == std::string::npos)
        return {};
    else
        ++begin;
    const std::size_t end = std::min(grammar.find('\n', begin), grammar.size());
    return {begin + start.size(), end - begin - start.size()};
}

bool has_rules_named_in(const std::string& alternatives, const std::string& grammar) {
    std::istringstream words(alternatives);
    std::string word;
    while (words >> word)
        if (word != "|" && body_of(grammar, word).size == 0) return false;
    return !alternatives.empty();
}

}  // namespace

bool drop_literal(const std::string& text, std::string& grammar) {
    const Line root = body_of(grammar, "root");
    const std::string literal = gbnf_format_literal(text) + " ";
    if (text.empty() || grammar.compare(root.begin, std::min(root.size, literal.size()), literal) != 0)
        return false;
    grammar.erase(root.begin, literal.size());
    return true;
}

bool begin_with_rules_of(const std::string& other, std::string& grammar) {
    const Line from = body_of(other, "root");
    const Line root = body_of(grammar, "root");
    const std::string alternatives = other.substr(from.begin, from.size);
    if (root.size == 0 || !has_rules_named_in(alternatives, grammar)) return false;
    grammar.replace(root.begin, root.size, alternatives);
    return true;
}

void allow_one_call(common_chat_params& params) {
    const Line root = body_of(params.grammar, "root");
    const Line call = body_of(params.grammar, "tool-call");
    if (params.grammar_triggers.empty() ||
        params.grammar.compare(root.begin, root.size, "tool-call | tool-calls") != 0)
        return;
    // The call has its own marker: it is not the inner part of a section of calls.
    const std::string marker = gbnf_format_literal(params.grammar_triggers.front().value);
    if (params.grammar.compare(call.begin, marker.size(), marker) == 0)
        params.grammar.replace(root.begin, root.size, "tool-call");
}

void bound_exponents(std::string& grammar) {
    constexpr std::string_view kTwoDigits = "[0-9] [0-9]?";
    for (const auto& [exponent, digits] :
         {std::pair<std::string_view, std::string_view>("[eE] [-+]? ", "integral-part"),
          {R"(("e" | "E") [+-]? )", "[0-9]+"}}) {
        const std::string unbounded = std::string(exponent) + std::string(digits);
        for (std::size_t at = grammar.find(unbounded); at != std::string::npos;
             at = grammar.find(unbounded, at + 1))
            grammar.replace(at + exponent.size(), digits.size(), kTwoDigits);
    }
}

}  // namespace kvasir
