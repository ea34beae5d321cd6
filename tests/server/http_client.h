// A small blocking HTTP client for tests: one request per connection, the whole answer read.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <boost/json.hpp>

namespace kvasir::test {

struct HttpAnswer {
    int status = 0;                              // 0: no answer came
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;                            // chunks joined

    boost::json::value json() const;
    // The data of all server-sent events, in order, [DONE] and comments left out.
    boost::json::array events() const;
};

using HeaderList = std::map<std::string, std::string>;

class HttpClient {
  public:
    explicit HttpClient(std::uint16_t port) : port_(port) {}

    HttpAnswer get(const std::string& path, const HeaderList& headers = {}) const;
    HttpAnswer post(const std::string& path, const boost::json::value& body,
                    const HeaderList& headers = {}) const;
    HttpAnswer request(const std::string& method, const std::string& path, const std::string& body,
                       const HeaderList& headers) const;
    // Goes away when `enough` says so of what came so far, or when `after_ms` are over.
    std::string hang_up(const std::string& path, const boost::json::value& body,
                        const std::function<bool(const std::string&)>& enough, int after_ms) const;

  private:
    int connect() const;

    std::uint16_t port_;
};

}  // namespace kvasir::test
