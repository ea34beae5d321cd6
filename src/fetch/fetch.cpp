#include "fetch/fetch.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <curl/curl.h>
#include <fmt/format.h>

#include "base/hash.h"

namespace kvasir {

namespace {

constexpr long kStallBytesPerSecond = 1;
constexpr int kHttpOk = 200;
constexpr int kHttpPartial = 206;
constexpr int kHttpRangeWrong = 416;

void start_curl() {
    static const bool started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    static_cast<void>(started);
}

struct CurlDeleter {
    void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
using CurlPtr = std::unique_ptr<CURL, CurlDeleter>;

struct ListDeleter {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using ListPtr = std::unique_ptr<curl_slist, ListDeleter>;

std::optional<std::uint64_t> number_of(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
    return out;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0)
        text.remove_prefix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
    return text;
}

bool is_sha256(std::string_view text) { return Digest256::from_hex(text).has_value(); }

// One answer to a request, and those that redirected to it.
struct Transfer {
    // Of the answer that comes now.
    int status = 0;
    std::string etag;
    std::string modified;
    std::optional<std::uint64_t> length;
    std::optional<std::uint64_t> range_begin;
    std::optional<std::uint64_t> range_total;
    // Hubs tell the checksum when they send one on to where the file lies.
    std::string sha256;

    std::function<Status(std::string_view)> on_body;
    std::function<Status()> on_first;  // before the first of a good body
    const std::atomic<bool>* cancelled = nullptr;
    bool begun = false;
    std::optional<Error> error;  // of our own: why it was ended

    void note_header(std::string_view line);
    bool is_good() const { return status == kHttpOk || status == kHttpPartial; }
};

void Transfer::note_header(std::string_view line) {
    if (line.starts_with("HTTP/")) {
        const std::size_t space = line.find(' ');
        status = space == std::string_view::npos
                     ? 0
                     : static_cast<int>(number_of(line.substr(space + 1, 3)).value_or(0));
        etag.clear();
        modified.clear();
        length.reset();
        range_begin.reset();
        range_total.reset();
        return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const std::string name = lower(line.substr(0, colon));
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (name == "etag") etag = value;
    if (name == "last-modified") modified = value;
    if (name == "content-length") length = number_of(value);
    if (name == "x-linked-etag" || name == "x-checksum-sha256") {
        std::string_view digest = value;
        if (digest.size() >= 2 && digest.front() == '"') digest = digest.substr(1, digest.size() - 2);
        if (is_sha256(digest)) sha256 = lower(digest);
    }
    if (name == "content-range" && value.starts_with("bytes ")) {
        const std::size_t dash = value.find('-');
        const std::size_t slash = value.find('/');
        if (dash == std::string_view::npos || slash == std::string_view::npos) return;
        range_begin = number_of(value.substr(6, dash - 6));
        range_total = number_of(value.substr(slash + 1));
    }
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
    static_cast<Transfer*>(user)->note_header(trimmed(std::string_view(data, size * count)));
    return size * count;
}

std::size_t on_write(char* data, std::size_t size, std::size_t count, void* user) {
    Transfer& transfer = *static_cast<Transfer*>(user);
    if (!transfer.is_good()) return size * count;  // the page of an error: nobody wants it
    Status status;
    if (!std::exchange(transfer.begun, true) && transfer.on_first) status = transfer.on_first();
    if (status) status = transfer.on_body(std::string_view(data, size * count));
    if (status) return size * count;
    transfer.error = status.error();
    return 0;
}

int on_tick(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    const Transfer& transfer = *static_cast<const Transfer*>(user);
    return transfer.cancelled != nullptr && transfer.cancelled->load() ? 1 : 0;
}

// What a failed transfer means. Broken on the way: `broken` tells, and there is no error.
Status meaning_of(CURLcode code, const Transfer& transfer, const FetchOptions& options, std::string& broken) {
    if (transfer.error) return fail(*transfer.error);
    const char* const why = curl_easy_strerror(code);
    switch (code) {
        case CURLE_OK:
            return {};
        case CURLE_ABORTED_BY_CALLBACK:
            return fail(ErrorCode::kCancelled,
                        "cancelled; what came is kept, the same command goes on with it");
        case CURLE_TOO_MANY_REDIRECTS:
            return fail(ErrorCode::kUnavailable,
                        fmt::format("{} was sent on more than {} times", options.url, options.redirects_max));
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_URL_MALFORMAT:
            return fail(ErrorCode::kInvalidArgument,
                        fmt::format("{} is no https URL, or was sent on to one that is none", options.url));
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
            return fail(
                ErrorCode::kUnavailable,
                fmt::format("the certificate of {} is not trusted: {}; --ca-file names others to trust",
                            options.url, why));
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_CONNECT:
            return fail(ErrorCode::kUnavailable, fmt::format("cannot reach {}: {}", options.url, why));
        case CURLE_OPERATION_TIMEDOUT:
            broken = transfer.begun ? fmt::format("nothing came for {} s", options.stall_timeout_s)
                                    : "the server does not answer";
            return {};
        default:
            broken = why;
            return {};
    }
}

Status refusal_of(int status, const std::string& url) {
    if (status == 404 || status == 410)
        return fail(ErrorCode::kNotFound, fmt::format("{} is not there ({})", url, status));
    if (status == 401 || status == 403)
        return fail(
            ErrorCode::kUnavailable,
            fmt::format("{} is not for everybody ({}): fetch it by hand and give its path", url, status));
    return fail(ErrorCode::kUnavailable, fmt::format("the server answered {} for {}", status, url));
}

bool is_worth_another_try(int status) { return status == 429 || status >= 500; }

struct Request {
    std::uint64_t from = 0;
    std::string validator;
};

CURLcode perform(const FetchOptions& options, const Request& request, Transfer& transfer) {
    start_curl();
    const CurlPtr curl(curl_easy_init());
    if (!curl) return CURLE_OUT_OF_MEMORY;
    CURL* const easy = curl.get();
    ListPtr headers;
    curl_easy_setopt(easy, CURLOPT_URL, options.url.c_str());
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "kvasir");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, options.url.starts_with("https:") ? "https" : "http");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR,
                     options.url.starts_with("https:") ? "https" : "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, static_cast<long>(options.redirects_max));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_timeout_s));
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_timeout_s));
    if (!options.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_tick);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &transfer);
    const std::string range = fmt::format("{}-", request.from);
    if (request.from > 0) {
        curl_easy_setopt(easy, CURLOPT_RANGE, range.c_str());
        if (!request.validator.empty())
            headers.reset(curl_slist_append(nullptr, ("If-Range: " + request.validator).c_str()));
    }
    if (headers) curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
    transfer.cancelled = options.cancelled;
    return curl_easy_perform(easy);
}

// Before the first byte: is it the rest of what is there, or all of it anew?
Status settle_beginning(const Transfer& transfer, PartFile& file, FileNotes& notes, const FetchSinks& sinks) {
    const bool goes_on = transfer.status == kHttpPartial && transfer.range_begin == file.size();
    if (transfer.status == kHttpPartial && !goes_on)
        return fail(ErrorCode::kUnavailable, "the server sent another part of the file than was asked for");
    if (!goes_on && file.size() > 0) KVASIR_TRY(file.start_over());
    notes.validator = transfer.etag.empty() ? transfer.modified : transfer.etag;
    if (notes.validator.starts_with("W/")) notes.validator = transfer.modified;  // no promise of bytes
    if (!transfer.sha256.empty()) notes.sha256 = transfer.sha256;
    notes.total_bytes =
        transfer.status == kHttpPartial ? transfer.range_total.value_or(0) : transfer.length.value_or(0);
    return sinks.on_size ? sinks.on_size(notes, file.size()) : Status();
}

}  // namespace

Status check_fetch_url(const std::string& url) {
    const std::size_t begin = url.find("://");
    const std::size_t end = url.find('/', begin == std::string::npos ? 0 : begin + 3);
    if (url.substr(0, end).find('@') != std::string::npos)
        return fail(ErrorCode::kInvalidArgument, "a URL with a user name is not taken");
    if (url.starts_with("https://")) return {};
    for (const std::string_view host : {"http://127.0.0.1", "http://localhost", "http://[::1]"}) {
        const bool is_host = url.starts_with(host);
        const char next = is_host && url.size() > host.size() ? url[host.size()] : '/';
        if (is_host && (next == '/' || next == ':')) return {};
    }
    return fail(ErrorCode::kInvalidArgument, fmt::format("{} is no https URL", url));
}

Result<Fetched> fetch_file(const FetchOptions& options, PartFile& file, FileNotes& notes,
                           const FetchSinks& sinks) {
    KVASIR_TRY(check_fetch_url(options.url));
    Fetched fetched;
    const std::uint64_t from = file.size();
    Transfer transfer;
    transfer.on_first = [&] { return settle_beginning(transfer, file, notes, sinks); };
    transfer.on_body = [&](std::string_view body) -> Status {
        KVASIR_TRY(file.append(std::as_bytes(std::span(body))));
        fetched.bytes_came += body.size();
        if (notes.total_bytes > 0 && file.size() > notes.total_bytes)
            return fail(ErrorCode::kDamaged, "more came than the server had announced");
        if (sinks.on_progress) sinks.on_progress(file.size(), notes.total_bytes);
        return {};
    };
    const CURLcode code = perform(options, {from, notes.validator}, transfer);
    KVASIR_TRY(meaning_of(code, transfer, options, fetched.why));
    if (fetched.why.empty() && transfer.status == kHttpRangeWrong) {
        // All was there already, or the server has a shorter one now.
        if (transfer.range_total == from || notes.total_bytes == from) return fetched;
        KVASIR_TRY(file.start_over());
        fetched.why = "the file has changed";
    } else if (fetched.why.empty() && !transfer.is_good()) {
        if (!is_worth_another_try(transfer.status)) KVASIR_TRY(refusal_of(transfer.status, options.url));
        fetched.why = fmt::format("the server answered {}", transfer.status);
    } else if (fetched.why.empty() && notes.total_bytes > 0 && file.size() < notes.total_bytes) {
        fetched.why = "the connection ended before all had come";
    }
    if (!fetched.why.empty()) fetched.end = FetchEnd::kBroken;
    return fetched;
}

Result<std::string> fetch_text(const FetchOptions& options) {
    KVASIR_TRY(check_fetch_url(options.url));
    std::string text;
    Transfer transfer;
    transfer.on_body = [&](std::string_view body) -> Status {
        if (text.size() + body.size() > kFetchedTextBytesMax)
            return fail(ErrorCode::kUnavailable, fmt::format("{} is too long", options.url));
        text += body;
        return {};
    };
    std::string broken;
    const CURLcode code = perform(options, {}, transfer);
    KVASIR_TRY(meaning_of(code, transfer, options, broken));
    if (!broken.empty()) return fail(ErrorCode::kUnavailable, fmt::format("{}: {}", options.url, broken));
    if (!transfer.is_good()) KVASIR_TRY(refusal_of(transfer.status, options.url));
    return text;
}

}  // namespace kvasir
