#include "app/remote_store.h"

#include "app/server_json.h"
#include "http/unix_client.h"

namespace kvasir {

namespace {

constexpr std::uint32_t kWorkMs = 24 * 3'600'000;  // it answers when every file was read

}  // namespace

Result<boost::json::value> ask_server_of_store(const std::string& socket_path, const std::string& route,
                                               const boost::json::object& body) {
    ClientRequest request;
    request.method = "POST";
    request.target = route;
    request.body = boost::json::serialize(body);
    request.silence_ms_max = kWorkMs;
    const auto response = ask_unix_socket(socket_path, request);
    if (!response) return fail(error_of_connection(response.error()));
    if (response->status / 100 != 2) return fail(error_of_response(response->status, response->body));
    return parse_server_json(response->body);
}

}  // namespace kvasir
