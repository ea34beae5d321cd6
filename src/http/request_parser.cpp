#include "http/request_parser.h"

#include <algorithm>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

#include "http/target.h"

namespace kvasir {
namespace {

namespace http = boost::beast::http;

// What is set aside at once for a body that was announced; more only as it arrives.
constexpr std::uint64_t kBodyReserveBytesMax = 64 * 1024;
// The end of a chunked body. As long as it is not there, as many bytes are to come at least; and Beast takes
// the last chunk for a bug of its caller when it is handed fewer of it a second time.
constexpr std::size_t kLastChunkBytes = std::string_view("0\r\n\r\n").size();
constexpr std::uint64_t kChunkLineBytesMax = 8 * 1024;  // size, extensions; also the trailers

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return lower;
}

std::size_t count_of(const HttpHeaders& headers, std::string_view name) {
    return static_cast<std::size_t>(std::count_if(headers.begin(), headers.end(),
                                                  [&](const auto& header) { return header.first == name; }));
}

// A field that is continued on the next line. Beast joins the lines; others before us may not, and see other
// fields than we do.
bool has_folded_field(std::string_view header) {
    return header.find("\r\n ") != std::string_view::npos || header.find("\r\n\t") != std::string_view::npos;
}

// An error of ours that stops Beast's parser; the real one is in error_.
boost::beast::error_code stop_parsing() { return http::make_error_code(http::error::bad_target); }

}  // namespace

RequestParser::RequestParser(const RequestLimits& limits) : limits_(limits) {
    const std::uint64_t header_max = std::min<std::uint64_t>(limits.header_bytes_max, UINT32_MAX);
    header_limit(static_cast<std::uint32_t>(header_max));
    body_limit(limits.body_bytes_max);
}

RequestParser::Progress RequestParser::consume(std::string& bytes) {
    if (is_done()) return Progress::kComplete;
    const bool reading_header = !header_complete_;
    if (!reading_header && chunked() && bytes.size() < kLastChunkBytes) return Progress::kNeedsMore;
    eager(!reading_header);  // the header alone first
    boost::beast::error_code ec;
    const std::size_t used = put(boost::asio::const_buffer(bytes.data(), bytes.size()), ec);
    // All fields are used in one call, when the last of them is there.
    const bool folded = reading_header && has_folded_field(std::string_view(bytes).substr(0, used));
    bytes.erase(0, used);
    if (reading_header) header_bytes_ += used;
    if (folded) return fail_with(400, "a header field is continued on the next line: send it on one");
    if (ec && ec != http::error::need_more) return fail_with(ec);
    if (reading_header) {
        const std::uint64_t header_bytes = header_bytes_ + (header_complete_ ? 0 : bytes.size());
        if (header_bytes > limits_.header_bytes_max) return fail_with(http::error::header_limit);
        if (!header_complete_) return Progress::kNeedsMore;
        return error_.status != 0 ? Progress::kFailed : Progress::kHeaderComplete;
    }
    if (is_done()) return Progress::kComplete;
    if (bytes.size() > kChunkLineBytesMax) return fail_with(431, "a chunk header of the body is too long");
    return Progress::kNeedsMore;
}

void RequestParser::on_request_impl(http::verb, Text method, Text target, int version, ErrorCodeOut& ec) {
    version_ = version;
    request_.method = std::string(view(method));
    Result<HttpTarget> parsed = kvasir::parse_target(view(target));
    if (!parsed) {
        error_ = {400, std::move(parsed.error().message)};
        ec = stop_parsing();
        return;
    }
    request_.path = std::move(parsed->path);
    request_.query = std::move(parsed->query);
    authority_ = std::move(parsed->authority);
}

void RequestParser::on_field_impl(http::field, Text name, Text value, ErrorCodeOut&) {
    // Fields after the body (trailers) are read and dropped: they must not pass for headers that were
    // checked.
    if (!header_complete_) request_.headers.emplace_back(lower_case(view(name)), std::string(view(value)));
}

void RequestParser::on_header_impl(ErrorCodeOut& ec) {
    header_complete_ = true;
    error_ = check_header();
    if (error_.status != 0) {
        ec = stop_parsing();
        return;
    }
    wants_continue_ = version_ >= 11 && request_.header("expect").has_value();
}

RequestError RequestParser::check_header() const {
    const HttpHeaders& headers = request_.headers;
    const std::size_t hosts = count_of(headers, "host");
    if (hosts > 1) return {400, "more than one Host header"};
    if (hosts == 0 && version_ >= 11) return {400, "no Host header"};
    if (const auto coding = request_.header("transfer-encoding")) {
        if (version_ < 11) return {400, "Transfer-Encoding in an HTTP/1.0 request"};
        if (count_of(headers, "transfer-encoding") > 1 || lower_case(*coding) != "chunked") {
            return {501, "of transfer codings only chunked is supported"};
        }
        if (count_of(headers, "content-length") > 0) return {400, "Content-Length beside Transfer-Encoding"};
    }
    if (const auto expect = request_.header("expect"); expect && lower_case(*expect) != "100-continue") {
        return {417, "of expectations only 100-continue is supported"};
    }
    return {0, {}};
}

void RequestParser::on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCodeOut&) {
    if (length) request_.body.reserve(static_cast<std::size_t>(std::min(*length, kBodyReserveBytesMax)));
}

std::size_t RequestParser::on_body_impl(Text body, ErrorCodeOut&) {
    request_.body.append(body.data(), body.size());
    return body.size();
}

void RequestParser::on_chunk_header_impl(std::uint64_t, Text, ErrorCodeOut&) {}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, Text body, ErrorCodeOut&) {
    request_.body.append(body.data(), body.size());
    return body.size();
}

void RequestParser::on_finish_impl(ErrorCodeOut&) {}

RequestParser::Progress RequestParser::fail_with(int status, std::string message) {
    error_ = {status, std::move(message)};
    return Progress::kFailed;
}

RequestParser::Progress RequestParser::fail_with(const ErrorCodeOut& ec) {
    if (error_.status != 0) return Progress::kFailed;  // ours, with its own sentence
    if (ec == http::error::header_limit) {
        return fail_with(431,
                         "the header is larger than " + std::to_string(limits_.header_bytes_max) + " bytes");
    }
    if (ec == http::error::body_limit) {
        return fail_with(413, "the body is larger than " + std::to_string(limits_.body_bytes_max) + " bytes");
    }
    return fail_with(400, "not a valid HTTP/1.1 request: " + ec.message());
}

}  // namespace kvasir
