// One request, parsed as its bytes come in. Owned by the connection while it reads, destroyed before the
// request is answered; called on the connection's strand only.
//
// Beast's parser does the grammar; here stand the limits, the rules against request smuggling (one framing
// only, one Host), and the way into an HttpRequest without a detour over Beast's own containers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/beast/http/basic_parser.hpp>

#include "http/http.h"

namespace kvasir {

struct RequestLimits {
    std::uint64_t header_bytes_max;
    std::uint64_t body_bytes_max;
};

struct RequestError {
    int status;  // 0: none
    std::string message;
};

class RequestParser final : private boost::beast::http::basic_parser<true> {
  public:
    enum class Progress { kNeedsMore, kHeaderComplete, kComplete, kFailed };

    explicit RequestParser(const RequestLimits& limits);

    // Takes what it can use off the front of `bytes`. kHeaderComplete is answered once, before any of the
    // body is read.
    Progress consume(std::string& bytes);

    bool header_complete() const { return header_complete_; }
    bool complete() const { return is_done(); }
    bool wants_continue() const { return wants_continue_; }  // "Expect: 100-continue"
    bool keep_alive() const { return Base::keep_alive(); }
    int version() const { return version_; }                     // 10 or 11
    const std::string& authority() const { return authority_; }  // of an absolute target, else empty
    const RequestError& error() const { return error_; }
    HttpRequest& request() { return request_; }  // what is known so far

  private:
    using Base = boost::beast::http::basic_parser<true>;
    using Text = boost::beast::string_view;
    using ErrorCodeOut = boost::beast::error_code;

    void on_request_impl(boost::beast::http::verb verb, Text method, Text target, int version,
                         ErrorCodeOut& ec) override;
    void on_response_impl(int, Text, int, ErrorCodeOut&) override {}
    void on_field_impl(boost::beast::http::field field, Text name, Text value, ErrorCodeOut& ec) override;
    void on_header_impl(ErrorCodeOut& ec) override;
    void on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCodeOut& ec) override;
    std::size_t on_body_impl(Text body, ErrorCodeOut& ec) override;
    void on_chunk_header_impl(std::uint64_t size, Text extensions, ErrorCodeOut& ec) override;
    std::size_t on_chunk_body_impl(std::uint64_t remaining, Text body, ErrorCodeOut& ec) override;
    void on_finish_impl(ErrorCodeOut& ec) override;

    Progress fail_with(int status, std::string message);
    Progress fail_with(const ErrorCodeOut& ec);
    RequestError check_header() const;

    RequestLimits limits_;
    std::uint64_t header_bytes_ = 0;
    HttpRequest request_;
    RequestError error_{0, {}};
    std::string authority_;
    int version_ = 11;
    bool header_complete_ = false;
    bool wants_continue_ = false;
};

}  // namespace kvasir
