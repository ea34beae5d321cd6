// Who may use the API. Keys are kept as digests and compared in constant time. Immutable, any thread.
//
// A key is given as it is, or as "sha256:" and the 64 hex digits of its SHA-256, so that no file need hold
// it.
#pragma once

#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "http/http.h"

namespace kvasir {

enum class KeyCheck { kOpen, kRight, kWrong, kMissing };  // kOpen: no key is asked for

// kInvalidArgument: an empty one, or a digest that is none.
Status check_api_keys(const std::vector<std::string>& keys);

class ApiKeys {
  public:
    explicit ApiKeys(const std::vector<std::string>& keys);
    // `Authorization: Bearer KEY` or `x-api-key: KEY`.
    KeyCheck check(const HttpRequest& request) const;

  private:
    std::vector<Digest256> digests_;
};

}  // namespace kvasir
