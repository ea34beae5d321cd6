#include "base/result.h"

namespace kvasir {

const char* to_string(ErrorCode code) {
    switch (code) {
        case ErrorCode::kInvalidArgument:
            return "invalid_argument";
        case ErrorCode::kNotFound:
            return "not_found";
        case ErrorCode::kConflict:
            return "conflict";
        case ErrorCode::kStoreInUse:
            return "store_in_use";
        case ErrorCode::kStoreUnusable:
            return "store_unusable";
        case ErrorCode::kDamaged:
            return "damaged";
        case ErrorCode::kModelUnusable:
            return "model_unusable";
        case ErrorCode::kOutOfMemory:
            return "out_of_memory";
        case ErrorCode::kNoSpace:
            return "no_space";
        case ErrorCode::kIo:
            return "io";
        case ErrorCode::kContextFull:
            return "context_full";
        case ErrorCode::kCancelled:
            return "cancelled";
        case ErrorCode::kUnavailable:
            return "unavailable";
    }
    return "unknown";
}

}  // namespace kvasir
