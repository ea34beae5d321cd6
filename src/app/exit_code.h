// Exit codes of the program, and the one place where error codes become them. docs/operations.md documents
// them.
#pragma once

#include "base/result.h"

namespace kvasir {

enum class ExitCode {
    kOk = 0,
    kFailed = 1,
    kUsage = 2,
    kNotFound = 3,
    kStoreInUse = 4,
    kStoreUnusable = 5,
    kModelUnusable = 6,
    kNoSpace = 7,
    kInterrupted = 130,
};

ExitCode exit_code_of(ErrorCode code);

}  // namespace kvasir
