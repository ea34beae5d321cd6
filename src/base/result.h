// Errors as values: every operation that can fail returns Result<T>.
//
// One small set of codes serves the whole program. It is mapped once to process exit codes (app/exit_code.h)
// and once to HTTP status codes (server layer). Callers branch on the code; the message is for people: it
// names what is wrong and what to do, in one sentence. Exceptions of libraries are caught at the edge where
// they enter; none crosses a layer. Thread-safe: values only.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace kvasir {

enum class ErrorCode {
    kInvalidArgument,  // the caller's input is wrong; the same call fails again
    kNotFound,         // no agent, block, file of that name
    kConflict,         // exists already, or a compare-and-set lost
    kStoreInUse,       // another process holds the store
    kStoreUnusable,    // the store is damaged or of a future version
    kDamaged,          // one block or file failed verification: quarantined, rebuilt by re-prefill
    kModelUnusable,    // the model file is missing, truncated, unsupported, or another one than the agent's
    kOutOfMemory,      // does not fit in memory or KV cells; message has needed and available
    kNoSpace,          // the disk (or its budget) is full
    kIo,               // any other I/O failure
    kContextFull,      // the agent's context is full
    kCancelled,        // stopped by its caller
    kUnavailable,      // not now: try again later
};

struct Error {
    ErrorCode code;
    std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
    return tl::unexpected<Error>(Error{code, std::move(message)});
}
[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
    return tl::unexpected<Error>(std::move(error));
}

// The stable lower-case name of a code, e.g. "not_found"; used in JSON output and logs.
const char* to_string(ErrorCode code);

}  // namespace kvasir

#define KVASIR_CONCAT_INNER(a, b) a##b
#define KVASIR_CONCAT(a, b) KVASIR_CONCAT_INNER(a, b)

// KVASIR_TRY(expr): returns the error of a Status from the enclosing function.
#define KVASIR_TRY(expr)                                                                     \
    do {                                                                                     \
        auto kvasir_try_result = (expr);                                                     \
        if (!kvasir_try_result) return ::kvasir::fail(std::move(kvasir_try_result).error()); \
    } while (false)

// KVASIR_TRY_ASSIGN(auto value, expr): returns the error, or binds the value.
#define KVASIR_TRY_ASSIGN_INNER(tmp, decl, expr)             \
    auto tmp = (expr);                                       \
    if (!tmp) return ::kvasir::fail(std::move(tmp).error()); \
    decl = std::move(*tmp)
#define KVASIR_TRY_ASSIGN(decl, expr) \
    KVASIR_TRY_ASSIGN_INNER(KVASIR_CONCAT(kvasir_try_, __LINE__), decl, expr)
