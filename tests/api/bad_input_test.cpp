// Requests that are wrong, or want what this server cannot do: each gets a status, a code, the field, and
// words.
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "api/anthropic.h"
#include "api/openai_chat.h"
#include "api/openai_completions.h"

namespace kvasir::test {
namespace {

using ::testing::HasSubstr;

struct BadInput {
    std::string fields;  // put into a request that is right without them
    std::string code;
    std::string param;
    std::string words;  // in the message
};

void expect_refusal(const ApiError& error, const BadInput& bad) {
    EXPECT_EQ(error.http_status, 400) << bad.fields;
    EXPECT_EQ(error.type, "invalid_request_error") << bad.fields;
    EXPECT_EQ(error.code, bad.code) << bad.fields;
    EXPECT_EQ(error.param, bad.param) << bad.fields;
    EXPECT_THAT(error.message, HasSubstr(bad.words)) << bad.fields;
}

constexpr const char* kMissing = "missing_required_parameter";
constexpr const char* kType = "invalid_type";
constexpr const char* kValue = "invalid_value";
constexpr const char* kNoParameter = "unsupported_parameter";
constexpr const char* kNoValue = "unsupported_value";

std::string user(const std::string& content) {
    return R"("messages":[{"role":"user","content":)" + content + "}]";
}
std::string one(const std::string& message) { return R"("messages":[)" + message + "]"; }
std::string tools(const std::string& list) { return user(R"("hi")") + R"(,"tools":)" + list; }
std::string with(const std::string& field) { return user(R"("hi")") + "," + field; }

const std::vector<BadInput>& bad_openai_messages() {
    static const std::vector<BadInput> kTable = {
        {R"("model":"m")", kMissing, "messages", "messages is required"},
        {R"("messages":{})", kType, "messages", "must be an array, not an object"},
        {R"("messages":[])", kValue, "messages", "at least one"},
        {R"("messages":["hi"])", kType, "messages[0]", "must be an object, not a string"},
        {one(R"({"content":"x"})"), kMissing, "messages[0].role", "role is required"},
        {one(R"({"role":"king","content":"x"})"), kValue, "messages[0].role", "'king'"},
        {one(R"({"role":"function","name":"f","content":"x"})"), kNoValue, "messages[0].role", "deprecated"},
        {one(R"({"role":"user"})"), kMissing, "messages[0].content", "content is required"},
        {one(R"({"role":"user","content":null})"), kMissing, "messages[0].content", "content is required"},
        {user("5"), kType, "messages[0].content", "a string or an array of parts, not a number"},
        {user(R"(["x"])"), kType, "messages[0].content[0]", "must be an object"},
        {user(R"([{"text":"x"}])"), kMissing, "messages[0].content[0].type", "type is required"},
        {user(R"([{"type":"text"}])"), kMissing, "messages[0].content[0].text", "text is required"},
        {user(R"([{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"u"}}])"), kNoValue,
         "messages[0].content[1].type", "text only"},
        {user(R"([{"type":"input_audio","input_audio":{}}])"), kNoValue, "messages[0].content[0].type",
         "input_audio"},
        {user(R"([{"type":"file","file":{}}])"), kNoValue, "messages[0].content[0].type", "file"},
        {one(R"({"role":"tool","content":"x"})"), kMissing, "messages[0].tool_call_id", "is required"},
        {one(R"({"role":"user","content":"x","name":7})"), kType, "messages[0].name", "must be a string"},
        {one(R"({"role":"assistant","function_call":{"name":"f"}})"), kNoParameter,
         "messages[0].function_call", "use tool_calls"},
        {one(R"({"role":"assistant","audio":{"id":"a"}})"), kNoParameter, "messages[0].audio", "no audio"},
        {one(R"({"role":"assistant","reasoning_content":[]})"), kType, "messages[0].reasoning_content",
         "not an array"},
        {one(R"({"role":"assistant","tool_calls":{}})"), kType, "messages[0].tool_calls", "must be an array"},
        {one(R"({"role":"assistant","tool_calls":[{"function":{"name":"f"}}]})"), kMissing,
         "messages[0].tool_calls[0].id", "id is required"},
        {one(R"({"role":"assistant","tool_calls":[{"id":"1"}]})"), kMissing,
         "messages[0].tool_calls[0].function", "function is required"},
        {one(R"({"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":3}}]})"),
         kType, "messages[0].tool_calls[0].function.arguments", "must be a string"},
        {one(R"({"role":"assistant","tool_calls":[{"id":"1","type":"custom","custom":{}}]})"), kNoValue,
         "messages[0].tool_calls[0].type", "must be function"},
    };
    return kTable;
}

const std::vector<BadInput>& bad_openai_tools() {
    static const std::vector<BadInput> kTable = {
        {tools(R"({})"), kType, "tools", "must be an array"},
        {tools(R"([{"function":{"name":"f"}}])"), kMissing, "tools[0].type", "type is required"},
        {tools(R"([{"type":"custom","custom":{"name":"f"}}])"), kNoValue, "tools[0].type",
         "no tools of its own"},
        {tools(R"([{"type":"web_search"}])"), kNoValue, "tools[0].type", "web_search"},
        {tools(R"([{"type":"function"}])"), kMissing, "tools[0].function", "function is required"},
        {tools(R"([{"type":"function","function":{}}])"), kMissing, "tools[0].function.name",
         "name is required"},
        {tools(R"([{"type":"function","function":{"name":"a b"}}])"), kValue, "tools[0].function.name",
         "a b"},
        {tools(R"([{"type":"function","function":{"name":")" + std::string(129, 'x') + R"("}}])"), kValue,
         "tools[0].function.name", "1 to 128"},
        {tools(R"([{"type":"function","function":{"name":"f","parameters":"{}"}}])"), kType,
         "tools[0].function.parameters", "must be an object, not a string"},
        {tools(
             R"([{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"f"}}])"),
         kValue, "tools[1].function.name", "two tools"},
        {with(R"("tool_choice":"required")"), kValue, "tool_choice", "no tools"},
        {with(R"("tool_choice":"any")"), kValue, "tool_choice", "must be auto, none, required"},
        {with(R"("tool_choice":7)"), kType, "tool_choice", "must be an object"},
        {tools(R"([{"type":"function","function":{"name":"f"}}],
                  "tool_choice":{"type":"function","function":{"name":"g"}})"),
         kValue, "tool_choice", "'g'"},
        {tools(
             R"([{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"allowed_tools","allowed_tools":
                  {"mode":"auto","tools":[{"type":"function","function":{"name":"g"}}]}})"),
         kValue, "tool_choice.allowed_tools.tools[0].function.name", "'g'"},
        {tools(
             R"([{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"allowed_tools","allowed_tools":
                  {"mode":"none","tools":[]}})"),
         kValue, "tool_choice.allowed_tools.mode", "auto or required"},
        {with(R"("parallel_tool_calls":"yes")"), kType, "parallel_tool_calls", "true or false"},
        {with(R"("functions":[])"), kNoParameter, "functions", "use tools"},
        {with(R"("function_call":"auto")"), kNoParameter, "function_call", "use tool_choice"},
    };
    return kTable;
}

const std::vector<BadInput>& bad_openai_options() {
    static const std::vector<BadInput> kTable = {
        {with(R"("model":7)"), kType, "model", "must be a string"},
        {with(R"("model":"m@../x")"), kValue, "model", ""},
        {with(R"("model":"m@")"), kValue, "model", ""},
        {with(R"("agent":"no spaces")"), kValue, "agent", ""},
        {with(R"("agent":"a","model":"m@b")"), kValue, "agent", "two agents"},
        {with(R"("model":")" + std::string(600, 'm') + R"(")"), kValue, "model", "512 bytes"},
        {with(R"("temperature":2.01)"), kValue, "temperature", "from 0.0 to 2.0, not 2.01"},
        {with(R"("temperature":-0.1)"), kValue, "temperature", "from 0.0"},
        {with(R"("temperature":"hot")"), kType, "temperature", "must be a number, not a string"},
        {with(R"("temperature":true)"), kType, "temperature", "not a boolean"},
        {with(R"("top_p":1.5)"), kValue, "top_p", "to 1.0"},
        {with(R"("min_p":-1)"), kValue, "min_p", "from 0.0"},
        {with(R"("top_k":-2)"), kValue, "top_k", "integer from -1"},
        {with(R"("repeat_penalty":0)"), kValue, "repeat_penalty", "from 0.01"},
        {with(R"("presence_penalty":2.5)"), kValue, "presence_penalty", "to 2.0"},
        {with(R"("frequency_penalty":-2.5)"), kValue, "frequency_penalty", "from -2.0"},
        {with(R"("seed":1.5)"), kValue, "seed", "must be an integer"},
        {with(R"("seed":1e300)"), kValue, "seed", "must be an integer"},
        {with(R"("logit_bias":[1])"), kType, "logit_bias", "must be an object"},
        {with(R"("logit_bias":{"x":1})"), kValue, "logit_bias", "token ids"},
        {with(R"("logit_bias":{"-1":1})"), kValue, "logit_bias", "token ids"},
        {with(R"("logit_bias":{"5":101})"), kValue, "logit_bias.5", "to 100.0"},
        {with(R"("stop":["a","b","c","d","e"])"), kValue, "stop", "4 strings at most"},
        {with(R"("stop":[""])"), kValue, "stop[0]", "1 to 256 bytes"},
        {with(R"("stop":")" + std::string(257, 's') + R"(")"), kValue, "stop", "1 to 256 bytes"},
        {with(R"("stop":[5])"), kType, "stop[0]", "must be a string"},
        {with(R"("stop":5)"), kType, "stop", "a string or an array of strings"},
        {with(R"("max_tokens":0)"), kValue, "max_tokens", "from 1"},
        {with(R"("max_completion_tokens":-1)"), kValue, "max_completion_tokens", "from 1"},
        {with(R"("max_tokens":1.5)"), kValue, "max_tokens", "integer"},
        {with(R"("logprobs":5)"), kType, "logprobs", "true or false"},
        {with(R"("logprobs":true,"top_logprobs":21)"), kValue, "top_logprobs", "to 20"},
        {with(R"("top_logprobs":3)"), kValue, "top_logprobs", "needs logprobs"},
        {with(R"("stream":"yes")"), kType, "stream", "true or false"},
        {with(R"("stream_options":[])"), kType, "stream_options", "must be an object"},
        {with(R"("stream_options":{"include_usage":1})"), kType, "stream_options.include_usage",
         "true or false"},
        {with(R"("n":2)"), kNoValue, "n", "must be 1"},
        {with(R"("modalities":["text","audio"])"), kNoValue, "modalities[1]", "text only"},
        {with(R"("audio":{"voice":"v"})"), kNoParameter, "audio", "no audio"},
        {with(R"("web_search_options":{})"), kNoParameter, "web_search_options", "does not search"},
        {with(R"("moderation":{"model":"x"})"), kNoParameter, "moderation", "moderates nothing"},
        {with(R"("previous_response_id":"resp_1")"), kNoParameter, "previous_response_id", "/v1/responses"},
        {with(R"("grammar":"root ::= x")"), kNoParameter, "grammar", "response_format"},
        {with(R"("response_format":"json")"), kType, "response_format", "must be an object"},
        {with(R"("response_format":{"type":"xml"})"), kValue, "response_format.type",
         "json_schema, not 'xml'"},
        {with(R"("response_format":{"type":"json_schema"})"), kMissing, "response_format.json_schema",
         "is required"},
        {with(R"("response_format":{"type":"json_schema","json_schema":{"schema":"x"}})"), kType,
         "response_format.json_schema.schema", "must be an object"},
        {with(R"("reasoning_effort":"huge")"), kValue, "reasoning_effort", "'huge'"},
        {with(R"("chat_template_kwargs":{"x":1})"), kNoParameter, "chat_template_kwargs.enable_thinking",
         "'x'"},
        {with(R"("prompt_cache_key":7)"), kType, "prompt_cache_key", "must be a string"},
        {with(R"("metadata":"x")"), kType, "metadata", "must be an object"},
    };
    return kTable;
}

const std::vector<BadInput>& bad_anthropic() {
    static const std::vector<BadInput> kTable = {
        {R"("model":"m")", kMissing, "messages", "messages is required"},
        {R"("messages":[])", kValue, "messages", "at least one"},
        {one(R"({"role":"tool","content":"x"})"), kValue, "messages[0].role", "user, assistant or system"},
        {one(R"({"role":"user"})"), kMissing, "messages[0].content", "is required"},
        {user("[]"), kValue, "messages[0].content", "at least one block"},
        {user("{}"), kType, "messages[0].content", "a string or an array of blocks"},
        {user(R"([{"type":"image","source":{}}])"), kNoValue, "messages[0].content[0].type", "text only"},
        {user(R"([{"type":"document","source":{}}])"), kNoValue, "messages[0].content[0].type", "document"},
        {user(R"([{"type":"tool_result","content":"x"}])"), kMissing, "messages[0].content[0].tool_use_id",
         "is required"},
        {user(R"([{"type":"tool_result","tool_use_id":"1","content":[{"type":"image"}]}])"), kNoValue,
         "messages[0].content[0].content[0].type", "text only"},
        {one(R"({"role":"assistant","content":[{"type":"server_tool_use","id":"1"}]},{"role":"user","content":"x"})"),
         kNoValue, "messages[0].content[0].type", "server_tool_use"},
        {one(R"({"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":"x"}]},
                {"role":"user","content":"x"})"),
         kType, "messages[0].content[0].input", "must be an object"},
        {one(R"({"role":"user","content":"x"},{"role":"assistant","content":"{"})"), kNoValue, "messages",
         "not end with one of the assistant"},
        {with(R"("system":[{"type":"image"}])"), kNoValue, "system[0].type", "text only"},
        {with(R"("system":5)"), kType, "system", "a string or an array"},
        {with(R"("thread":{"type":"create"})"), "thread_unsupported_request", "thread", "whole conversation"},
        {with(R"("thread":{"type":"continue","previous_message_id":"msg_1"})"), "thread_unsupported_request",
         "thread", "whole conversation"},
        {with(R"("mcp_servers":[{"url":"x"}])"), kNoParameter, "mcp_servers", "calls no others"},
        {with(R"("container":"c1")"), kNoParameter, "container", "runs no code"},
        {with(R"("temperature":1.2)"), kValue, "temperature", "to 1.0"},
        {with(R"("tools":[{"type":"web_search_20250305","name":"web_search"}])"), kNoValue, "tools[0].type",
         "input_schema"},
        {with(R"("tools":[{"input_schema":{}}])"), kMissing, "tools[0].name", "is required"},
        {with(R"("tools":[{"name":"f","input_schema":[]}])"), kType, "tools[0].input_schema",
         "must be an object"},
        {with(R"("tool_choice":{"type":"any"})"), kValue, "tool_choice", "no tools"},
        {with(R"("tool_choice":"auto")"), kType, "tool_choice", "must be an object"},
        {with(R"("tool_choice":{"type":"some"})"), kValue, "tool_choice.type", "auto, any, tool or none"},
        {with(R"("tools":[{"name":"f"}],"tool_choice":{"type":"tool"})"), kMissing, "tool_choice.name",
         "is required"},
        {with(R"("tools":[{"name":"f"}],"tool_choice":{"type":"tool","name":"g"})"), kValue, "tool_choice",
         "'g'"},
        {with(R"("output_config":{"format":{"type":"xml"}})"), kValue, "output_config.format.type",
         "json_schema"},
        {with(R"("output_config":{"format":{"type":"json_schema"}})"), kMissing,
         "output_config.format.schema", "is required"},
        {with(R"("thinking":{"type":"deep"})"), kValue, "thinking.type", "enabled, disabled or adaptive"},
        {with(R"("thinking":true)"), kType, "thinking", "must be an object"},
        {with(R"("stop_sequences":[""])"), kValue, "stop_sequences[0]", "1 to 256"},
        {with(R"("metadata":{"user_id":5})"), kType, "metadata.user_id", "must be a string"},
    };
    return kTable;
}

TEST(BadInputTest, OpenAiChat) {
    for (const auto* table : {&bad_openai_messages(), &bad_openai_tools(), &bad_openai_options()}) {
        for (const BadInput& bad : *table) {
            const auto request = parse_openai_chat("{" + bad.fields + "}");
            ASSERT_FALSE(request) << bad.fields;
            expect_refusal(request.error(), bad);
        }
    }
}

TEST(BadInputTest, Anthropic) {
    for (const BadInput& bad : bad_anthropic()) {
        const auto request = parse_anthropic_messages(R"({"max_tokens":5,"model":"m",)" + bad.fields + "}");
        ASSERT_FALSE(request) << bad.fields;
        expect_refusal(request.error(), bad);
    }
    const std::string hi = user(R"("hi")");
    for (const auto& [body, field] : std::vector<std::pair<std::string, std::string>>{
             {"{" + hi + R"(,"model":"m"})", "max_tokens"}, {"{" + hi + R"(,"max_tokens":1})", "model"}}) {
        const auto request = parse_anthropic_messages(body);
        ASSERT_FALSE(request) << body;
        expect_refusal(request.error(), {body, kMissing, field, "is required"});
    }
}

TEST(BadInputTest, Completions) {
    const std::vector<BadInput> table = {
        {R"("model":"m")", kMissing, "prompt", "prompt is required"},
        {R"("prompt":5)", kType, "prompt", "a string or an array of token ids"},
        {R"("prompt":[])", kValue, "prompt", "must not be empty"},
        {R"("prompt":["a","b"])", kNoValue, "prompt", "one prompt only"},
        {R"("prompt":[[1],[2]])", kNoValue, "prompt", "one prompt only"},
        {R"("prompt":[[["a"]]])", kType, "prompt[0][0]", "the id of a token"},
        {R"("prompt":[1,"a"])", kValue, "prompt[1]", "the id of a token"},
        {R"("prompt":[-1])", kValue, "prompt[0]", "the id of a token"},
        {R"("prompt":[4294967296])", kValue, "prompt[0]", "the id of a token"},
        {R"("prompt":"x","echo":true)", kNoParameter, "echo", "not repeated"},
        {R"("prompt":"x","suffix":"y")", kNoParameter, "suffix", "at its end only"},
        {R"("prompt":"x","n":3)", kNoValue, "n", "must be 1"},
        {R"("prompt":"x","best_of":2)", kNoValue, "best_of", "must be 1"},
        {R"("prompt":"x","logprobs":6)", kValue, "logprobs", "to 5"},
        {R"("prompt":"x","logprobs":true)", kType, "logprobs", "an integer"},
        {R"("prompt":"x","max_tokens":0)", kValue, "max_tokens", "from 1"},
    };
    for (const BadInput& bad : table) {
        const auto request = parse_openai_completion("{" + bad.fields + "}");
        ASSERT_FALSE(request) << bad.fields;
        expect_refusal(request.error(), bad);
    }
}

// Control: what the tables put their fields into is right without them, so that each refusal is for its own
// field.
TEST(BadInputControl, TheRestOfEveryRequestIsRight) {
    EXPECT_TRUE(parse_openai_chat("{" + with(R"("seed":1)") + "}"));
    EXPECT_TRUE(parse_openai_chat("{" + tools(R"([{"type":"function","function":{"name":"f"}}])") + "}"));
    EXPECT_TRUE(parse_anthropic_messages(R"({"max_tokens":5,"model":"m",)" + with(R"("top_p":1)") + "}"));
    EXPECT_TRUE(parse_openai_completion(R"({"prompt":"x"})"));
}

// What a client sent comes back in messages: never raw control characters, never megabytes.
TEST(BadInputTest, MessagesStayReadable) {
    const std::string huge(1'000'000, 'x');
    for (const std::string& value : {std::string("\\u001b[2J"), huge}) {
        const auto request =
            parse_openai_chat("{" + one(R"({"role":")" + value + R"(","content":"x"})") + "}");
        ASSERT_FALSE(request);
        EXPECT_LT(request.error().message.size(), 1000U);
        EXPECT_EQ(request.error().message.find('\x1b'), std::string::npos);
    }
}

}  // namespace
}  // namespace kvasir::test
