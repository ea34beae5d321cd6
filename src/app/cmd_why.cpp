// `kvasir why`: what of an agent's last requests was reused, what broke off, and what to do about it. Of a
// running server: a conversation that a client sends is found there.
#include <iostream>
#include <iterator>
#include <span>
#include <string>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/commands.h"
#include "app/print_json.h"
#include "app/remote_agents.h"
#include "app/server_json.h"
#include "app/terminal.h"
#include "base/file_system.h"
#include "base/names.h"
#include "http/unix_client.h"

namespace kvasir {

namespace {

namespace json = boost::json;

constexpr std::uint32_t kLookMs = 120'000;
constexpr std::size_t kReportsShown = 10;
constexpr std::uint64_t kRequestBytesMax = 32U * 1024 * 1024;

Result<json::value> ask(const Config& config, const ClientRequest& request) {
    const auto response = ask_unix_socket(server_socket_path(home_of(config)), request);
    if (!response && response.error().code == ErrorCode::kNotFound)
        return fail(
            ErrorCode::kUnavailable,
            "no server runs on this store: `why` asks the server that the client talks to (kvasir serve)");
    if (!response) return fail(error_of_connection(response.error()));
    if (response->status / 100 != 2) return fail(error_of_response(response->status, response->body));
    return parse_server_json(response->body);
}

Result<std::string> body_of(const std::string& path) {
    if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
    const auto files = make_posix_file_system();
    KVASIR_TRY_ASSIGN(const std::uint64_t size, files->file_size(path));
    if (size > kRequestBytesMax)
        return fail(ErrorCode::kInvalidArgument, printable(path) + " is no request: too large");
    std::string text(size, '\0');
    KVASIR_TRY(files->read_at(path, 0, std::as_writable_bytes(std::span(text))));
    return text;
}

std::string text_in(const json::object& object, const char* name) {
    const json::value* const value = object.if_contains(name);
    if (value == nullptr || value->is_null()) return {};
    return value->is_string() ? std::string(value->as_string()) : json::serialize(*value);
}

// "prompt 5210 tokens, 5180 reused (99 %); found by messages: turn 12, 25 of 26 messages"
void print_report(const json::object& report) {
    const auto number = [&](const char* name) { return std::stoull("0" + text_in(report, name)); };
    const std::uint64_t prompt = number("prompt_tokens");
    const std::uint64_t reused = number("reused_tokens");
    const std::string id = text_in(report, "request");
    fmt::print("{}: prompt of {} tokens, {} reused ({} %), found by {}: turn {}, {} of {} messages\n",
               styled(Style::kBold, id.empty() ? "before sending" : id), prompt, reused,
               prompt == 0 ? 0 : 100 * reused / prompt, text_in(report, "found_by"), number("turn"),
               number("messages_known"), number("messages"));
    const std::string reason = text_in(report, "not_reused_reason");
    if (!reason.empty()) fmt::print("  not reused  {}\n", reason);
    const json::value* const difference = report.if_contains("difference");
    if (difference != nullptr && difference->is_object()) {
        const json::object& fields = difference->get_object();
        fmt::print("  changed     {}\n  stored      {}\n  received    {}\n  what to do  {}\n",
                   for_terminal(text_in(fields, "field")), for_terminal(json::serialize(fields.at("stored"))),
                   for_terminal(json::serialize(fields.at("received"))),
                   for_terminal(text_in(fields, "fix")));
    }
    const json::value* const notes = report.if_contains("notes");
    if (notes == nullptr || !notes->is_array()) return;
    for (const json::value& note : notes->get_array())
        fmt::print("  note        {}\n",
                   for_terminal(note.is_string() ? std::string(note.get_string()) : ""));
}

void print_reports(const json::object& answer) {
    const json::value* const list = answer.if_contains("requests");
    if (list == nullptr) return print_report(answer);
    if (!list->is_array() || list->get_array().empty()) {
        fmt::print("no request for this agent since the server was started\n");
        return;
    }
    std::size_t shown = 0;
    for (const json::value& report : list->get_array()) {
        if (shown++ == kReportsShown) break;
        if (report.is_object()) print_report(report.get_object());
    }
}

}  // namespace

Result<ExitCode> run_why(const Config& config, const WhyArguments& arguments) {
    ClientRequest request;
    request.silence_ms_max = kLookMs;
    if (!arguments.request.empty()) {
        request.target = "/why/" + arguments.request;
    } else {
        KVASIR_TRY(check_agent_name(arguments.agent));
        request.target = "/agents/" + arguments.agent + "/why";
    }
    if (!arguments.before_sending.empty()) {
        KVASIR_TRY_ASSIGN(request.body, body_of(arguments.before_sending));
        request.method = "POST";
    }
    KVASIR_TRY_ASSIGN(const json::value answer, ask(config, request));
    if (config.json || !answer.is_object())
        print_json(answer);
    else
        print_reports(answer.get_object());
    return ExitCode::kOk;
}

}  // namespace kvasir
