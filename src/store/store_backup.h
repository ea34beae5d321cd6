// A consistent copy of a running store: `kvasir backup`. A piece a step, while turns go on: KV files first,
// then the catalog as it is at the end; KV that was written in between stays behind, its tokens do not.
// Values, and the interface of a backup that runs.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace kvasir {

struct BackupReport {
    std::string directory;
    std::uint64_t agents = 0;
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    std::uint64_t files_left_out = 0;  // damaged, or gone or made while it ran: read again when needed
};

class StoreBackup {
  public:
    virtual ~StoreBackup() = default;
    virtual Status step() = 0;  // with an error it is done, and the directory is not there
    virtual bool done() const = 0;
    virtual const BackupReport& report() const = 0;
};

}  // namespace kvasir
