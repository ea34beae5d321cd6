// Damaged requests, ten thousand of each kind: a request or an error that can be sent, never anything else.
#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "api/anthropic.h"
#include "api/openai_chat.h"
#include "api/openai_completions.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;

constexpr int kMutations = 10'000;

const std::vector<std::string>& seeds() {
    static const std::vector<std::string> kSeeds = {
        R"({"model":"m@a","messages":[{"role":"system","content":"S"},{"role":"user","content":[{"type":"text","text":"x"}]},
            {"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"c","content":"r"}],"tools":[{"type":"function","function":{"name":"f","parameters":{}}}],
            "tool_choice":{"type":"function","function":{"name":"f"}},"temperature":0.5,"stop":["a"],"logit_bias":{"1":2},
            "response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{}}},"max_tokens":5,"stream":true})",
        R"({"model":"m","max_tokens":9,"system":[{"type":"text","text":"S"}],"messages":[{"role":"user","content":"x"},
            {"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"i",
            "name":"f","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"i","content":"r"}]}],
            "tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"any"},"metadata":{"user_id":"{\"session_id\":\"s\"}"}})",
        R"({"model":"m","prompt":["x"],"max_tokens":5,"logprobs":1,"echo":false,"suffix":"","user":"u","seed":1.0})"};
    return kSeeds;
}

// Values that stand where another was expected.
const std::vector<std::string>& strange_values() {
    static const std::vector<std::string> kValues = {"null",
                                                     "true",
                                                     "-1",
                                                     "1e308",
                                                     "\"\"",
                                                     "[]",
                                                     "{}",
                                                     "[[]]",
                                                     "[null]",
                                                     "{\"type\":7}",
                                                     "18446744073709551615",
                                                     "\"\\u0000\""};
    return kValues;
}

class Mutator {
  public:
    // Bytes changed, dropped, doubled: mostly no JSON any more.
    std::string of_bytes(std::string text) {
        for (int i = below(4); i >= 0; --i) {
            const auto at = static_cast<std::size_t>(below(static_cast<int>(text.size())));
            const int kind = below(3);
            if (kind == 0) text[at] = static_cast<char>(below(256));
            if (kind == 1) text.erase(at, static_cast<std::size_t>(1 + below(20)));
            if (kind == 2) text.insert(at, text.substr(at, static_cast<std::size_t>(1 + below(20))));
            if (text.empty()) return text;
        }
        return text;
    }

    // A value anywhere replaced by a strange one, or its key by another: still JSON.
    std::string of_values(const std::string& text) {
        json::value value = json::parse(text);
        for (int i = below(3); i >= 0; --i) change(value);
        return json::serialize(value);
    }

  private:
    int below(int end) { return static_cast<int>(random_() % static_cast<unsigned>(end)); }

    void change(json::value& value) {
        const bool goes_down = below(4) != 0;
        if (goes_down && value.is_object() && !value.get_object().empty()) {
            json::object& object = value.get_object();
            auto field = object.begin() + below(static_cast<int>(object.size()));
            if (below(12) == 0) {
                object.erase(field);
            } else {
                change(field->value());
            }
        } else if (goes_down && value.is_array() && !value.get_array().empty()) {
            json::array& array = value.get_array();
            change(array[static_cast<std::size_t>(below(static_cast<int>(array.size())))]);
        } else {
            value = json::parse(
                strange_values()[static_cast<std::size_t>(below(static_cast<int>(strange_values().size())))]);
        }
    }

    std::mt19937 random_{20261123};
};

struct Tally {
    int taken = 0;
    int refused = 0;
};

template <class Parse>
void expect_request_or_error(const Parse& parse, const std::string& text, Tally& tally) {
    const auto request = parse(text);
    if (request) {
        ++tally.taken;
        return;
    }
    ++tally.refused;
    const ApiError& error = request.error();
    ASSERT_GE(error.http_status, 400) << text;
    ASSERT_LT(error.http_status, 500) << text;
    ASSERT_FALSE(error.code.empty()) << text;
    ASSERT_FALSE(error.message.empty()) << text;
    ASSERT_TRUE(json::parse(openai_error_body(error)).at("error").is_object()) << text;
    ASSERT_TRUE(json::parse(anthropic_error_body(error)).at("error").is_object()) << text;
    ASSERT_TRUE(json::parse(kvasir_error_body(error)).at("error").is_object()) << text;
}

void expect_all(const std::string& text, Tally& tally) {
    expect_request_or_error(parse_openai_chat, text, tally);
    expect_request_or_error(parse_anthropic_messages, text, tally);
    expect_request_or_error(parse_anthropic_count_tokens, text, tally);
    expect_request_or_error(parse_openai_completion, text, tally);
}

void run(const std::function<std::string(const std::string&)>& mutate) {
    Tally tally;
    for (int i = 0; i < kMutations && !testing::Test::HasFatalFailure(); ++i) {
        expect_all(mutate(seeds()[static_cast<std::size_t>(i) % seeds().size()]), tally);
    }
    // Both ways are walked, or the mutations were no test.
    EXPECT_GT(tally.taken, 100);
    EXPECT_GT(tally.refused, 100);
}

TEST(MutationTest, OfBytes) {
    Mutator mutator;
    run([&](const std::string& text) { return mutator.of_bytes(text); });
}

TEST(MutationTest, OfValues) {
    Mutator mutator;
    run([&](const std::string& text) { return mutator.of_values(text); });
}

TEST(MutationControl, EverySeedIsARequestOfItsKind) {
    EXPECT_TRUE(parse_openai_chat(seeds()[0]));
    EXPECT_TRUE(parse_anthropic_messages(seeds()[1]));
    EXPECT_TRUE(parse_openai_completion(seeds()[2]));
}

}  // namespace
}  // namespace kvasir::test
