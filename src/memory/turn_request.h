// What a turn is asked for, and what comes out while it runs. Values; made by any thread, used on the engine
// thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/limits.h"
#include "base/tokens.h"
#include "engine/chat.h"
#include "engine/engine.h"
#include "store/agent_change.h"
#include "store/catalog.h"

namespace kvasir {

// kAnswer: a turn. The others read and say nothing: kLoad makes a stored conversation resident, kCreate makes
// an agent and reads its system prompt, kReadAhead reads what the next prompt will begin with (read_ahead.h).
enum class TurnPurpose { kAnswer, kLoad, kCreate, kReadAhead };

// Who holds the conversation: we (only new messages come), or the client (all of it comes, every time).
enum class History { kStored, kSent };
enum class CreateMissing { kNo, kYes };      // the agent, when there is none of that name
enum class AnswerReading { kRaw, kParsed };  // kParsed: reasoning and tool calls are taken apart

// Of an agent that belongs to another model: an error, or an agent beside it that this model has (twins.h).
enum class OtherModel { kRefuse, kTwin };

// A text that is continued as it is, without a chat template; or its tokens.
using RawPrompt = std::variant<std::string, std::vector<Token>>;

enum class TurnPhase { kRestore, kPrefill };

struct TokenLogprob {
    std::string text;  // bytes of the token; may be part of a character
    float logprob = 0.0F;
    std::vector<std::pair<std::string, float>> top;  // best first
};

struct ToolCallPiece {
    std::size_t index = 0;
    std::string id;         // in the first piece of a call
    std::string name;       // in the first piece of a call
    std::string arguments;  // what was added
};

// What one step added to the answer.
struct AnswerPiece {
    std::string content;
    std::string reasoning;
    std::vector<ToolCallPiece> tool_calls;
    std::vector<TokenLogprob> logprobs;
    bool empty() const {
        return content.empty() && reasoning.empty() && tool_calls.empty() && logprobs.empty();
    }
};

struct TurnMetrics;
struct TurnResult;

struct TurnSinks {
    std::function<void(const TurnMetrics&)> on_prompt;  // once: what of the prompt is there already
    std::function<void(const AnswerPiece&)> on_piece;
    std::function<void(TurnPhase, Position done, Position total)> on_progress;
};

// What becomes of an answer that was heard as it came, and then could not be made durable.
enum class UndurableAnswer {
    kRefused,   // an error
    kDelivered  // the result says Durability::kNothing
};

struct TurnRequest {
    std::string agent;
    TurnPurpose purpose = TurnPurpose::kAnswer;
    std::string agent_type;     // kCreate
    std::string system_prompt;  // kCreate
    // Of an agent that the request makes.
    MadeBy made_by = MadeBy::kUser;
    std::string parent_agent;  // "" none
    CreateMissing create_missing = CreateMissing::kNo;
    OtherModel other_model = OtherModel::kRefuse;
    History history = History::kStored;
    // kStored: the new messages, at least one. kSent: the whole conversation, system messages first.
    std::vector<ChatMessage> messages;
    std::vector<ToolDefinition> tools;  // kSent
    std::optional<TurnId> follows;      // kSent: of two turns that match as well, this one
    // What a client finds the answer again by: asked for when it is whole, stored with the turn.
    std::function<NewResponse(const TurnResult&)> response;
    std::optional<RawPrompt> raw_prompt;  // kSent, instead of messages; reading is kRaw
    Thinking thinking = Thinking::kDefault;
    AnswerConstraint constraint;
    AnswerReading reading = AnswerReading::kParsed;
    SamplingOptions sampling;  // its format is set by the turn
    std::vector<std::string> stops;
    std::uint32_t answer_tokens_max = kAnswerTokensDefault;
    std::optional<std::uint32_t>
        top_logprobs;  // given: log probabilities of each token, and of so many others
    std::optional<std::uint32_t>
        expected_turn;  // kStored: kConflict when the conversation has another number of turns
    std::optional<WhenFull> when_full;  // nullopt: as the agent is set
    std::string idempotency_key;
    std::string request_id;  // for reports
    UndurableAnswer undurable = UndurableAnswer::kRefused;
    const std::atomic<bool>* cancelled = nullptr;  // looked at before every token and chunk
    // KV cells that it may come to hold; kUnavailable when it would be more. For turns beside others.
    std::optional<std::uint64_t> cells_max;
};

}  // namespace kvasir
