// `kvasir chat AGENT`: one message from the command line or a pipe, or a conversation on a terminal.
#include <iostream>
#include <iterator>

#include <fmt/format.h>

#include "app/agent_service.h"
#include "app/chat_turn.h"
#include "app/commands.h"
#include "app/repl.h"
#include "app/terminal.h"

namespace kvasir {

namespace {

Status find_or_create(AgentService& agents, const ChatArguments& arguments) {
    const auto found = agents.show(arguments.agent);
    if (found) return {};
    if (found.error().code != ErrorCode::kNotFound) return fail(found.error());
    if (!arguments.create) {
        return fail(ErrorCode::kNotFound,
                    fmt::format("{}; 'kvasir chat {} --create --system \"You are ...\"' makes it",
                                found.error().message, arguments.agent));
    }
    return agents.create(arguments.agent, arguments.type, arguments.system_prompt)
        .map([](const CreateResult&) {});
}

// All of standard input, without the line break at its end.
Result<std::string> read_pipe() {
    std::string text(std::istreambuf_iterator<char>(std::cin), {});
    if (text.size() > kMessageBytesMax) {
        return fail(ErrorCode::kInvalidArgument, fmt::format("the message has {} bytes; at most {} are taken",
                                                             text.size(), kMessageBytesMax));
    }
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    if (text.empty()) return fail(ErrorCode::kInvalidArgument, "the message is empty");
    return text;
}

}  // namespace

Result<ExitCode> run_chat(const Config& config, const ChatArguments& arguments) {
    const bool interactive = arguments.message.empty() && stdin_is_terminal();
    std::string message = arguments.message;
    if (!interactive && message.empty()) {
        KVASIR_TRY_ASSIGN(message, read_pipe());
    }
    KVASIR_TRY_ASSIGN(const auto agents, open_agent_service(config, Need::kModel));
    KVASIR_TRY(find_or_create(*agents, arguments));
    if (interactive) return run_repl(config, *agents, arguments.agent);
    KVASIR_TRY_ASSIGN(const TurnResult turn, chat_turn(config, *agents, arguments.agent, message));
    return turn.finish_reason == "cancelled" ? ExitCode::kInterrupted : ExitCode::kOk;
}

}  // namespace kvasir
