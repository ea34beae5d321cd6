// What clients of OpenAI's Responses send, what is made of it, and streams as a strict client reads them.
#include <map>
#include <set>
#include <string>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <rapidcheck.h>

#include "api/openai_conversations.h"
#include "api/openai_responses.h"
#include "api/random_values.h"
#include "api/stream_readers.h"

namespace kvasir::test {
namespace {

namespace json = boost::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kId = "resp_0123456789abcdef";

ResponsesRequest parsed(const std::string& text) {
    auto request = parse_openai_response(text, kId);
    EXPECT_TRUE(request) << request.error().message;
    return request ? std::move(*request) : ResponsesRequest();
}

std::vector<ChatMessage> messages_of(const std::string& text) {
    const auto read = messages_of_items(parsed(text).input, "input");
    EXPECT_TRUE(read) << read.error().message;
    return read ? read->messages : std::vector<ChatMessage>();
}

std::string refusal(const std::string& text) {
    const auto request = parse_openai_response(text, kId);
    return request ? "accepted" : request.error().param + ": " + request.error().message;
}

std::string text_of(const json::value& value) { return json::value_to<std::string>(value); }

TEST(ResponsesRequestTest, WhatACodingAgentSendsIsRead) {
    const std::string body = R"({
        "model": "m", "instructions": "You code.", "stream": true, "store": false, "parallel_tool_calls": false,
        "include": ["reasoning.encrypted_content"], "prompt_cache_key": "thread-1",
        "client_metadata": {"thread_id": "thread-1"}, "reasoning": {"effort": "medium", "summary": "auto"},
        "tool_choice": "auto", "text": {"verbosity": "low"},
        "tools": [{"type": "function", "name": "shell", "description": "Runs", "strict": false,
                   "parameters": {"type": "object"}},
                  {"type": "namespace", "name": "mcp", "tools": []}, {"type": "web_search"}, {"type": "local_shell"}],
        "input": [
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Sandbox."}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "<env>"}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Look."}]},
            {"type": "reasoning", "summary": [], "content": null, "encrypted_content": "kvasir:Hm."},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
            {"type": "function_call", "call_id": "c1", "name": "shell", "arguments": "{\"a\":1}"},
            {"type": "function_call", "call_id": "c2", "name": "shell", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "one"},
            {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "two"}]},
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            {"type": "message", "role": "developer", "content": "In the middle."},
            {"role": "user", "content": "Go on."}]})";
    const ResponsesRequest request = parsed(body);
    EXPECT_EQ(request.instructions, "You code.");
    EXPECT_EQ(request.store, StoreResponse::kNo);
    EXPECT_EQ(request.sealed, SealedReasoning::kYes);
    EXPECT_EQ(request.chat.stream, StreamMode::kStream);
    EXPECT_EQ(request.chat.thinking, Thinking::kOn);
    EXPECT_EQ(request.chat.session.prompt_cache_key, "thread-1");
    EXPECT_EQ(request.chat.session.session_id, "thread-1");
    EXPECT_THAT(request.chat.tools, ElementsAre(ToolDefinition{"shell", "Runs", R"({"type":"object"})"}));
    EXPECT_EQ(request.chat.constraint.parallel, ParallelToolCalls::kNo);
    EXPECT_THAT(request.chat.notes, Contains(HasSubstr("web_search")));
    EXPECT_THAT(
        messages_of(body),
        ElementsAre(
            ChatMessage{Role::kSystem, "Sandbox."}, ChatMessage{Role::kUser, "<env>"},
            ChatMessage{Role::kUser, "Look."},
            ChatMessage{
                Role::kAssistant, "I look.", "Hm.", {{"c1", "shell", "{\"a\":1}"}, {"c2", "shell", "{}"}}},
            ChatMessage{Role::kTool, "one", "", {}, "c1", "shell"},
            ChatMessage{Role::kTool, "two", "", {}, "c2", "shell"},
            ChatMessage{Role::kSystem, "In the middle."}, ChatMessage{Role::kUser, "Go on."}));
}

TEST(ResponsesRequestTest, ATextIsOneMessageAndEveryItemHasAnId) {
    const ResponsesRequest request = parsed(R"({"input":"hi"})");
    ASSERT_EQ(request.input.size(), 1U);
    EXPECT_EQ(request.input[0].at("id"), "msg_0123456789abcdefi0");
    EXPECT_EQ(request.input[0].at("content").at(0).at("type"), "input_text");
    EXPECT_THAT(messages_of(R"({"input":"hi"})"), ElementsAre(ChatMessage{Role::kUser, "hi"}));
    const ResponsesRequest referring =
        parsed(R"({"input":[{"id":"msg_1"},{"type":"item_reference","id":"msg_2"}]})");
    EXPECT_EQ(referring.input[0].at("type"), "item_reference");
    EXPECT_EQ(referring.input[1].at("type"), "item_reference");
}

TEST(ResponsesRequestTest, TwoAnswersInARowStayTwo) {
    EXPECT_THAT(messages_of(R"({"input":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},
        {"role":"assistant","content":"c"},{"type":"reasoning","content":[{"type":"reasoning_text","text":"d"}]},
        {"role":"assistant","content":"e"},{"role":"user","content":"f"}]})"),
                ElementsAre(ChatMessage{Role::kUser, "a"}, ChatMessage{Role::kAssistant, "b"},
                            ChatMessage{Role::kAssistant, "c"}, ChatMessage{Role::kAssistant, "e", "d"},
                            ChatMessage{Role::kUser, "f"}));
}

TEST(ResponsesRequestTest, AFormIsASchemaAndAChoiceIsATool) {
    const ResponsesRequest request = parsed(R"({"input":"x","text":{"format":{"type":"json_schema","name":"n",
        "schema":{"type":"object"},"strict":true}},"tools":[{"type":"function","name":"look"}],
        "tool_choice":{"type":"function","name":"look"},"max_output_tokens":9,"top_logprobs":2})");
    EXPECT_EQ(request.chat.constraint.json_schema, R"({"type":"object"})");
    EXPECT_EQ(request.chat.constraint.tool_choice, ToolChoice::kRequired);
    EXPECT_EQ(request.chat.constraint.tool_name, "look");
    EXPECT_EQ(request.chat.answer_tokens_max, 9U);
    EXPECT_EQ(request.chat.top_logprobs, 2U);
    EXPECT_EQ(request.echo.at("text").at("format").at("name"), "n");
}

TEST(ResponsesRequestTest, WhatChangesTheMeaningAndIsNotThereIsRefusedByName) {
    EXPECT_THAT(refusal(R"({})"), HasSubstr("input: input is required"));
    EXPECT_THAT(refusal(R"({"input":[]})"), HasSubstr("input is required"));
    EXPECT_THAT(refusal(R"({"input":5})"),
                HasSubstr("input must be a string or an array of items, not a number"));
    EXPECT_THAT(refusal(R"({"input":"x","background":true})"),
                HasSubstr("background: background must be false"));
    EXPECT_THAT(refusal(R"({"input":"x","prompt":{"id":"p"}})"),
                HasSubstr("prompt: prompt is not supported"));
    EXPECT_THAT(refusal(R"({"input":"x","previous_response_id":"a","conversation":"b"})"),
                HasSubstr("exclude"));
    EXPECT_THAT(refusal(R"({"input":"x","tool_choice":{"type":"web_search"}})"),
                HasSubstr("tool_choice.type"));
    EXPECT_THAT(refusal(R"({"input":"x","tool_choice":"required"})"), HasSubstr("requires a tool"));
    EXPECT_THAT(
        refusal(R"({"input":[{"role":"user","content":[{"type":"input_image","image_url":"u"}]}]})"),
        HasSubstr("input[0].content[0].type: input[0].content[0].type 'input_image' is not supported"));
    EXPECT_THAT(refusal(R"({"input":[{"role":"king","content":"x"}]})"), HasSubstr("input[0].role"));
    EXPECT_THAT(refusal(R"({"input":[{"role":"user"}]})"), HasSubstr("input[0].content is required"));
    EXPECT_THAT(refusal(R"({"input":[{"type":"function_call_output","call_id":"c"}]})"),
                HasSubstr("output is required"));
    EXPECT_THAT(refusal(R"({"input":[{"type":"teapot"}]})"), HasSubstr("'teapot' is not supported"));
    EXPECT_THAT(refusal(R"({"input":"x","text":{"format":{"type":"json_schema","name":"n"}}})"),
                HasSubstr("text.format.schema is required"));
    EXPECT_THAT(refusal(R"({"input":"x","reasoning":{"effort":"gigantic"}})"),
                HasSubstr("reasoning.effort must be"));
    EXPECT_THAT(refusal(R"({"messages":[{"role":"user","content":"x"}],"input":"y"})"),
                HasSubstr("use input"));
}

// A strict client: complains about every event that is out of order, and puts the response together.
class StrictReader {
  public:
    explicit StrictReader(const std::string& stream) {
        for (const SseEvent& event : read_events(stream, complaints)) {
            const json::object fields = json::parse(event.data).as_object();
            if (event.name != text_of(fields.at("type"))) complain("the name of an event is not its type");
            if (fields.at("sequence_number").to_number<std::uint64_t>() != next_++)
                complain("a number is missing");
            read(text_of(fields.at("type")), fields);
        }
        if (final_.is_null()) complain("it has no end");
    }

    std::vector<std::string> complaints;
    const json::value& final_response() const { return final_; }

  private:
    void complain(const std::string& what) { complaints.push_back(what); }
    std::size_t index_of(const json::object& fields) {
        return fields.at("output_index").to_number<std::size_t>();
    }

    void read(const std::string& type, const json::object& fields) {
        if (!final_.is_null()) complain("something comes after the end: " + type);
        if (type == "response.created") {
            if (next_ != 1) complain("created is not the first");
            id_ = text_of(fields.at("response").at("id"));
        } else if (type == "response.in_progress") {
            if (next_ != 2) complain("in_progress is not the second");
        } else if (type == "response.output_item.added") {
            added(fields);
        } else if (type == "response.output_item.done") {
            done(fields);
        } else if (type.ends_with(".delta")) {
            if (open_.is_null() || index_of(fields) + 1 != items_.size())
                return complain("a delta of no open item");
            if (fields.at("item_id") != open_.at("id")) complain("a delta of another item");
            text_ += text_of(fields.at("delta"));
        } else if (type == "response.completed" || type == "response.incomplete") {
            end(fields.at("response"));
        } else if (type.ends_with("text.done")) {
            if (text_of(fields.at("text")) != text_) complain("the text is not its deltas");
        } else if (type == "response.function_call_arguments.done") {
            if (text_of(fields.at("arguments")) != text_) complain("the arguments are not their deltas");
        } else if (type == "response.content_part.added") {
            if (part_open_) complain("a part is open already");
            part_open_ = true;
        } else if (type == "response.content_part.done") {
            if (!part_open_) complain("no part is open");
            if (text_of(fields.at("part").at("text")) != text_) complain("the part is not its deltas");
            part_open_ = false;
        } else {
            complain("an unknown event: " + type);
        }
    }
    void added(const json::object& fields) {
        if (!open_.is_null()) complain("two items are open");
        if (index_of(fields) != items_.size()) complain("an index is doubled or missing");
        open_ = fields.at("item");
        if (!ids_.insert(text_of(open_.at("id"))).second) complain("an id is doubled");
        items_.push_back(open_);
        text_.clear();
    }
    void done(const json::object& fields) {
        if (open_.is_null()) return complain("no item is open");
        if (part_open_) complain("a part is still open");
        if (fields.at("item").at("id") != open_.at("id")) complain("another item ends than began");
        items_.back() = fields.at("item");
        open_ = nullptr;
    }
    void end(const json::value& response) {
        if (!open_.is_null()) complain("an item is still open");
        if (text_of(response.at("id")) != id_) complain("the id has changed");
        if (response.at("output") != json::value(items_)) complain("the end has other items than the stream");
        final_ = response;
    }

    std::uint64_t next_ = 0;
    std::string id_;
    std::string text_;
    json::value open_;
    json::array items_;
    std::set<std::string> ids_;
    bool part_open_ = false;
    json::value final_;
};

ResponseHead head_of(const ChatAnswer& answer) {
    return {kId, answer.created_unix_s, answer.model, parsed(R"({"input":"x"})").echo, SealedReasoning::kNo};
}

std::string stream_of(const ChatAnswer& answer, const std::vector<AnswerDelta>& steps) {
    OpenAiResponsesStream stream(head_of(answer));
    std::string text = stream.begin();
    for (const AnswerDelta& step : steps) text += stream.delta(step);
    return text + stream.finish(answer);
}

json::object whole_of(const ChatAnswer& answer) {
    const ResponseStatus status = response_status(answer.finish_reason);
    auto output = ResponseOutput::of(kId, answer.message, answer.logprobs);
    return response_json(head_of(answer), status, output.json(status, SealedReasoning::kNo), &answer);
}

TEST(ResponsesStreamTest, StepsMakeTheWholeResponseInTheOrderOfTheProtocol) {
    EXPECT_TRUE(rc::check([] {
        ChatAnswer answer = random_answer();
        answer.logprobs.clear();  // of reasoning, too, in a whole answer
        std::vector<AnswerDelta> steps = random_steps(answer);
        for (AnswerDelta& step : steps) step.logprobs.clear();
        const StrictReader reader(stream_of(answer, steps));
        RC_ASSERT(reader.complaints == std::vector<std::string>());
        RC_ASSERT(reader.final_response() == json::value(whole_of(answer)));
    }));
}

TEST(ResponsesStreamTest, TheOutputReadAsInputIsTheAnswerAgain) {
    EXPECT_TRUE(rc::check([] {
        const ChatAnswer answer = random_answer();
        const json::object whole = whole_of(answer);
        const auto again = messages_of_items(whole.at("output").as_array(), "input");
        RC_ASSERT(again.has_value());
        RC_ASSERT(again->messages.size() == 1U);
        RC_ASSERT(again->messages[0] == answer.message);
    }));
}

// The reader must notice what it is for.
TEST(ResponsesStreamTest, AStrictReaderComplainsAboutBrokenStreams) {
    ChatAnswer answer;
    answer.message = {Role::kAssistant, "Hello there", "Hm."};
    AnswerDelta thought;
    thought.reasoning = "Hm.";
    AnswerDelta said;
    said.content = "Hello there";
    const std::string right = stream_of(answer, {thought, said});
    ASSERT_THAT(StrictReader(right).complaints, IsEmpty());
    std::vector<std::string> events;
    for (std::size_t at = 0; at < right.size();) {
        const std::size_t end = right.find("\n\n", at) + 2;
        events.push_back(right.substr(at, end - at));
        at = end;
    }
    for (std::size_t left_out = 0; left_out < events.size(); ++left_out) {
        std::string broken;
        for (std::size_t i = 0; i < events.size(); ++i) broken += i == left_out ? "" : events[i];
        EXPECT_THAT(StrictReader(broken).complaints, ::testing::Not(IsEmpty()))
            << "without " << events[left_out];
    }
}

TEST(ResponsesStreamTest, AFailureIsTheLastEvent) {
    ChatAnswer answer;
    OpenAiResponsesStream stream(head_of(answer));
    stream.begin();
    const std::string text = stream.error(http_error(500, "the disk is gone"));
    EXPECT_THAT(text, HasSubstr("event: response.failed"));
    EXPECT_THAT(text, HasSubstr("the disk is gone"));
    EXPECT_THAT(text, HasSubstr(R"("status":"failed")"));
}

TEST(ResponsesAnswerTest, UsageAndEndAreTold) {
    ChatAnswer answer;
    answer.message = {Role::kAssistant, "cut", ""};
    answer.finish_reason = FinishReason::kLength;
    answer.usage = {100, 90, 7, 3, 10};
    const json::object whole = whole_of(answer);
    EXPECT_EQ(whole.at("status"), "incomplete");
    EXPECT_EQ(whole.at("incomplete_details").at("reason"), "max_output_tokens");
    EXPECT_EQ(json::serialize(whole.at("usage")),
              R"({"input_tokens":100,"input_tokens_details":{"cached_tokens":90,"cache_write_tokens":10},)"
              R"("output_tokens":7,"output_tokens_details":{"reasoning_tokens":3},"total_tokens":107})");
    for (const char* field : {"completed_at",
                              "truncation",
                              "text",
                              "presence_penalty",
                              "frequency_penalty",
                              "top_logprobs",
                              "reasoning",
                              "max_output_tokens",
                              "max_tool_calls",
                              "background",
                              "service_tier",
                              "safety_identifier",
                              "prompt_cache_key",
                              "store",
                              "metadata",
                              "tools",
                              "tool_choice",
                              "parallel_tool_calls",
                              "previous_response_id",
                              "instructions",
                              "error",
                              "incomplete_details"})
        EXPECT_TRUE(whole.contains(field)) << field;
}

json::array items(int count) {
    json::array list;
    for (int i = 0; i < count; ++i) list.push_back(json::object{{"id", "item" + std::to_string(i)}});
    return list;
}

TEST(ItemPageTest, PagesFollowEachOther) {
    const auto first = openai_item_page(items(5), {2, ListOrder::kOldestFirst, ""});
    EXPECT_EQ(
        *first,
        R"({"object":"list","data":[{"id":"item0"},{"id":"item1"}],"first_id":"item0","last_id":"item1","has_more":true})");
    const auto last = openai_item_page(items(5), {2, ListOrder::kOldestFirst, "item3"});
    EXPECT_THAT(*last, HasSubstr(R"("data":[{"id":"item4"}])"));
    EXPECT_THAT(*last, HasSubstr(R"("has_more":false)"));
    EXPECT_THAT(*openai_item_page(items(5), {1, ListOrder::kNewestFirst, ""}), HasSubstr("item4"));
    EXPECT_FALSE(openai_item_page(items(5), {2, ListOrder::kOldestFirst, "nobody"}));
    EXPECT_FALSE(parse_list_query("0", std::nullopt, std::nullopt));
    EXPECT_FALSE(parse_list_query("101", std::nullopt, std::nullopt));
    EXPECT_FALSE(parse_list_query(std::nullopt, "up", std::nullopt));
    EXPECT_EQ(parse_list_query("7", "asc", "x")->limit, 7U);
}

}  // namespace
}  // namespace kvasir::test
