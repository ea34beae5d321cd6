#include "http/host_check.h"

#include <algorithm>
#include <charconv>

#include <boost/asio/ip/address.hpp>

namespace kvasir {
namespace {

constexpr std::size_t kHostLengthMax = 300;  // a DNS name has at most 253 characters, and then a port

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return lower;
}

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool is_loopback(const std::string& name) {
    if (name == "localhost") return true;
    boost::system::error_code error;
    const boost::asio::ip::address address = boost::asio::ip::make_address(name, error);
    return !error && address.is_loopback();
}

// The name in brackets is an IPv6 address; anything else in them is refused.
std::optional<std::string> bracketed_name(std::string_view inside) {
    boost::system::error_code error;
    boost::asio::ip::make_address_v6(std::string(inside), error);
    if (error) return std::nullopt;
    return lower_case(inside);
}

std::optional<std::string> plain_name(std::string_view text) {
    std::string name = lower_case(text);
    if (!name.empty() && name.back() == '.') name.pop_back();
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_name_character)) return std::nullopt;
    return name;
}

bool contains(const std::vector<std::string>& list, std::string_view text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

struct Origin {
    std::string scheme;
    Authority authority;
};

std::optional<Origin> parse_origin(std::string_view text) {
    const std::size_t separator = text.find("://");
    if (separator == std::string_view::npos) return std::nullopt;
    std::optional<Authority> authority = parse_authority(text.substr(separator + 3));
    if (!authority) return std::nullopt;
    return Origin{lower_case(text.substr(0, separator)), std::move(*authority)};
}

std::optional<std::uint16_t> default_port(std::string_view scheme) {
    if (scheme == "http") return std::uint16_t{80};
    if (scheme == "https") return std::uint16_t{443};
    return std::nullopt;
}

// A plain server may stand behind a proxy that speaks TLS, so https is its own origin too; a TLS server's
// pages never come over http.
bool is_same_origin(const Origin& origin, const Authority& host, bool encrypted) {
    const std::optional<std::uint16_t> port = default_port(origin.scheme);
    if (!port || (encrypted && origin.scheme != "https")) return false;
    return origin.authority.name == host.name &&
           origin.authority.port.value_or(*port) == host.port.value_or(*port);
}

}  // namespace

std::optional<Authority> parse_authority(std::string_view text) {
    if (text.empty() || text.size() > kHostLengthMax) return std::nullopt;
    Authority authority;
    std::optional<std::string> name;
    if (text.front() == '[') {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        name = bracketed_name(text.substr(1, close - 1));
        text.remove_prefix(close + 1);
    } else {
        const std::size_t colon = std::min(text.find(':'), text.size());
        name = plain_name(text.substr(0, colon));
        text.remove_prefix(colon);
    }
    if (!name) return std::nullopt;
    authority.name = std::move(*name);
    if (text.empty()) return authority;
    std::uint16_t port = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + 1, end, port);
    if (text.front() != ':' || error != std::errc() || rest != end) return std::nullopt;
    authority.port = port;
    return authority;
}

AccessRules make_access_rules(std::string_view bound_host, const std::vector<std::string>& hosts_allowed,
                              const std::vector<std::string>& origins_allowed, bool encrypted) {
    AccessRules rules;
    rules.encrypted = encrypted;
    if (!bound_host.empty()) rules.hosts.push_back(lower_case(bound_host));
    for (const std::string& host : hosts_allowed) rules.hosts.push_back(lower_case(host));
    for (const std::string& origin : origins_allowed) rules.origins.push_back(lower_case(origin));
    return rules;
}

bool host_is_allowed(const AccessRules& rules, std::string_view host) {
    if (contains(rules.hosts, "*")) return true;
    const std::optional<Authority> authority = parse_authority(host);
    if (!authority) return false;
    return is_loopback(authority->name) || contains(rules.hosts, authority->name) ||
           contains(rules.hosts, lower_case(host));
}

OriginVerdict judge_origin(const AccessRules& rules, std::string_view origin, std::string_view host) {
    if (contains(rules.origins, "*") || contains(rules.origins, lower_case(origin)))
        return OriginVerdict::kAllowed;
    const std::optional<Origin> parsed = parse_origin(origin);
    const std::optional<Authority> own = parse_authority(host);
    if (parsed && own && is_same_origin(*parsed, *own, rules.encrypted)) return OriginVerdict::kSameOrigin;
    return OriginVerdict::kForeign;
}

}  // namespace kvasir
