#include "app/exit_code.h"

namespace kvasir {

ExitCode exit_code_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::kInvalidArgument:
            return ExitCode::kUsage;
        case ErrorCode::kNotFound:
            return ExitCode::kNotFound;
        case ErrorCode::kStoreInUse:
            return ExitCode::kStoreInUse;
        case ErrorCode::kStoreUnusable:
            return ExitCode::kStoreUnusable;
        case ErrorCode::kModelUnusable:
        case ErrorCode::kOutOfMemory:
            return ExitCode::kModelUnusable;
        case ErrorCode::kNoSpace:
            return ExitCode::kNoSpace;
        case ErrorCode::kCancelled:
            return ExitCode::kInterrupted;
        case ErrorCode::kConflict:
        case ErrorCode::kDamaged:
        case ErrorCode::kIo:
        case ErrorCode::kContextFull:
        case ErrorCode::kUnavailable:
            return ExitCode::kFailed;
    }
    return ExitCode::kFailed;
}

}  // namespace kvasir
