// Who may use the API. Keys are kept as digests and compared in constant time. Immutable, any thread.
#pragma once

#include <string>
#include <vector>

#include "base/hash.h"
#include "http/http.h"

namespace kvasir {

enum class KeyCheck { kOpen, kRight, kWrong, kMissing };  // kOpen: no key is asked for

class ApiKeys {
  public:
    explicit ApiKeys(const std::vector<std::string>& keys);
    // `Authorization: Bearer KEY` or `x-api-key: KEY`.
    KeyCheck check(const HttpRequest& request) const;

  private:
    std::vector<Digest256> digests_;
};

}  // namespace kvasir
