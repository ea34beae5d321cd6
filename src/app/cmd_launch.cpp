// `kvasir launch CLIENT`: the settings with which a client uses this server, printed, or written to a file
// that is not there yet.
#include <span>
#include <string>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/client_settings.h"
#include "app/commands.h"
#include "app/print_json.h"
#include "app/remote_agents.h"
#include "base/file_system.h"
#include "base/names.h"
#include "http/unix_client.h"

namespace kvasir {

namespace {

namespace json = boost::json;

constexpr std::uint32_t kAskMs = 5'000;

// The model's name and context as the running server tells them; without one, what stands there.
void ask_model(const Config& config, ServerAddress& server) {
    ClientRequest request;
    request.target = "/v1/models";
    request.silence_ms_max = kAskMs;
    const auto response = ask_unix_socket(server_socket_path(home_of(config)), request);
    if (!response || response->status != 200) return;
    boost::system::error_code error;
    const json::value models = json::parse(response->body, error);
    const json::value* const id = error ? nullptr : models.find_pointer("/data/0/id", error);
    if (id != nullptr && id->is_string()) server.model = std::string(id->get_string());
    const json::value* const context = models.find_pointer("/data/0/context_length", error);
    const bool known = context != nullptr && context->is_number();
    if (known && context->to_number<std::uint64_t>() > 0)
        server.context_tokens = context->to_number<std::uint64_t>();
}

// Never over one that is there: it may hold more than this.
Status write_new_file(const std::string& path, const std::string& text) {
    const auto files = make_posix_file_system();
    if (files->file_size(path))
        return fail(ErrorCode::kConflict, printable(path) +
                                              " was not written, it exists: choose another --output, or "
                                              "print the settings and add them by hand");
    const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
    return files->write_new_synced(path, std::span(&bytes, 1));
}

std::string names() {
    std::string text;
    for (const std::string& name : known_clients()) text += (text.empty() ? "" : ", ") + name;
    return text;
}

}  // namespace

Result<ExitCode> run_launch(const Config& config, const LaunchArguments& arguments) {
    ServerAddress server;
    server.url = arguments.url;
    while (!server.url.empty() && server.url.back() == '/') server.url.pop_back();
    if (!arguments.agent.empty()) KVASIR_TRY(check_agent_name(arguments.agent));
    server.agent = arguments.agent;
    ask_model(config, server);
    const auto settings = settings_of(arguments.client, server);
    if (!settings)
        return fail(ErrorCode::kInvalidArgument,
                    "there are no settings for " + printable(arguments.client) + ": known are " + names());
    if (!arguments.output.empty()) KVASIR_TRY(write_new_file(arguments.output, settings->text));
    if (config.json) {
        print_json(json::object{{"client", arguments.client},
                                {"file", settings->file},
                                {"text", settings->text},
                                {"command", settings->command},
                                {"written", arguments.output}});
        return ExitCode::kOk;
    }
    if (arguments.output.empty()) fmt::print("{}", settings->text);
    if (config.quiet) return ExitCode::kOk;
    if (!settings->file.empty() && arguments.output.empty())
        fmt::print(stderr, "this belongs into {}; then: {}\n", settings->file, settings->command);
    else
        fmt::print(stderr, "then: {}\n", settings->command);
    return ExitCode::kOk;
}

}  // namespace kvasir
