// Files from elsewhere over HTTPS, by libcurl: with going on where it was, bounds for everything, and
// sentences for what goes wrong. Plain http is for this machine only.
//
// Every call blocks its thread; calls share nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "base/part_file.h"
#include "base/result.h"

namespace kvasir {

inline constexpr std::uint64_t kFetchedTextBytesMax = 4 * 1024 * 1024;

struct FetchOptions {
    std::string url;
    std::string ca_file;  // certificates to trust; "": the system's
    std::uint32_t connect_timeout_s = 30;
    std::uint32_t stall_timeout_s = 30;  // nothing came for so long
    std::uint32_t redirects_max = 5;
    const std::atomic<bool>* cancelled = nullptr;
};

// What is known of the file, beside its bytes. Kept with an unfinished file, so that no other one's end is
// put to its beginning.
struct FileNotes {
    std::string url;
    std::string validator;          // ETag or Last-Modified, as the server told it; "" none
    std::string sha256;             // that the server told; "" none
    std::uint64_t total_bytes = 0;  // 0: not told
};

enum class FetchEnd {
    kWhole,
    kBroken  // on the way: worth another try
};

struct Fetched {
    FetchEnd end = FetchEnd::kWhole;
    std::string why;  // of kBroken
    std::uint64_t bytes_came = 0;
};

struct FetchSinks {
    // Once, before the first byte: whether the rest (of `notes.total_bytes`) may come.
    std::function<Status(const FileNotes& notes, std::uint64_t bytes_there)> on_size;
    std::function<void(std::uint64_t bytes, std::uint64_t total)> on_progress;
};

// Appends what `file` lacks, or starts over when the server has another one now. kNotFound: 404, 410;
// kInvalidArgument: no such URL or not allowed; kUnavailable: refused by the server, or no connection to it;
// kIo, kNoSpace: of the disk; kCancelled.
Result<Fetched> fetch_file(const FetchOptions& options, PartFile& file, FileNotes& notes,
                           const FetchSinks& sinks);
// A small text. kNotFound as above.
Result<std::string> fetch_text(const FetchOptions& options);

// Whether it may be fetched from there: https, or http of this machine.
Status check_fetch_url(const std::string& url);

}  // namespace kvasir
