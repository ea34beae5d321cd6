// What the common clients want to be told so that they use this server. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvasir {

struct ServerAddress {
    std::string url;    // "http://127.0.0.1:8642", without a slash at the end
    std::string agent;  // "" the client's own sessions name agents
    std::string model = "kvasir";
    std::uint64_t context_tokens = 8192;
};

struct ClientSettings {
    std::string file;  // where the text belongs; "" it is for a shell
    std::string text;
    std::string command;  // how to start the client then
};

std::vector<std::string> known_clients();
// Nothing: a client that is not known.
std::optional<ClientSettings> settings_of(std::string_view client, const ServerAddress& server);

}  // namespace kvasir
