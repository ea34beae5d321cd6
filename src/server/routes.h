// The one table of routes: dispatch, authorisation and the OpenAPI document all come from it. Immutable, any
// thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/http.h"

namespace kvasir {

struct ServerContext;  // server_context.h

enum class Access { kOpen, kKey };  // kKey: needs an API key when there are any
enum class Protocol { kOpenAi, kAnthropic, kKvasir };

struct RouteCall {
    const ServerContext& context;
    std::shared_ptr<HttpExchange> exchange;
    std::string agent;  // {name} of the path, "" none
    std::string item;   // {id} of the path, "" none
    std::string part;   // {item} of the path, "" none
    Protocol protocol = Protocol::kKvasir;
};

struct Route {
    const char* method;
    const char* pattern;  // segments; {name}, {id} and {item} match any one
    Access access;
    Protocol protocol;
    const char* summary;
    void (*handle)(const RouteCall& call);
};

std::span<const Route> routes();

struct RouteMatch {
    const Route* route = nullptr;  // null: no such path, or not with this method
    bool path_known = false;
    std::string methods_allowed;  // of the path, for 405
    std::string agent;
    std::string item;
    std::string part;
};
RouteMatch match_route(std::string_view method, std::string_view path);

// In whose form errors of a path are told, whether or not there is a route.
Protocol protocol_of(std::string_view path);

}  // namespace kvasir
