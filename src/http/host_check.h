// Who may ask: the Host check (against DNS rebinding) and the Origin check (against foreign web pages). Pure
// functions on lists made once at start; thread-safe. Both are skipped on unix sockets, where no browser can
// be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvasir {

// What a server answers to, in lower case.
struct AccessRules {
    std::vector<std::string> hosts;  // names beside the loopback ones, with or without a port; "*" allows all
    std::vector<std::string> origins;  // "*" allows all
    bool encrypted = false;            // this server speaks TLS itself
};

AccessRules make_access_rules(std::string_view bound_host, const std::vector<std::string>& hosts_allowed,
                              const std::vector<std::string>& origins_allowed, bool encrypted);

enum class OriginVerdict {
    kSameOrigin,  // a page of this server: nothing to add
    kAllowed,     // a page that was named: answer with CORS headers
    kForeign,     // refuse
};

// `host`: value of a Host header, e.g. "localhost:8080", "[::1]".
bool host_is_allowed(const AccessRules& rules, std::string_view host);
// `origin`: value of an Origin header, e.g. "https://example.org", "null".
OriginVerdict judge_origin(const AccessRules& rules, std::string_view origin, std::string_view host);

// Host and port of "name:port", "1.2.3.4", "[::1]:80"; the name in lower case, without brackets and a final
// dot.
struct Authority {
    std::string name;
    std::optional<std::uint16_t> port;
    friend bool operator==(const Authority&, const Authority&) = default;
};
std::optional<Authority> parse_authority(std::string_view text);

}  // namespace kvasir
