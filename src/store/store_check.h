// Checking a store: names and sizes of files against the catalog (after every start), or every byte too
// (`kvasir fsck`). A piece a step, while turns go on. Values, and the interface of a check that runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/block.h"

namespace kvasir {

enum class CheckDepth {
    kNames,     // a row for each file, a file of the right size for each row
    kContents,  // and the catalog's own consistency, and of each file hash, structure, name and checksums
};
// kYes: damaged files go to quarantine, rows without a file and files without a row go away.
enum class Repair { kNo, kYes };

struct CheckRequest {
    CheckDepth depth = CheckDepth::kContents;
    Repair repair = Repair::kNo;
};

struct CheckFinding {
    std::string file;  // below the store's directory
    std::string what;
};

struct CheckReport {
    std::string catalog;  // "" whole, or not looked at; else what is wrong
    std::uint64_t files_checked = 0;
    std::uint64_t bytes_checked = 0;
    std::uint64_t damaged = 0;  // size, hash, structure, name, or a checksum
    std::uint64_t missing = 0;  // rows whose file is gone
    std::uint64_t unknown = 0;  // files that no row knows
    std::uint64_t unknown_bytes = 0;
    std::uint64_t quarantined = 0;       // lie in quarantine at the end
    std::uint64_t repaired = 0;          // of damaged, missing and unknown
    std::vector<CheckFinding> findings;  // the first of them

    std::uint64_t problems() const { return damaged + missing + unknown; }
    bool good() const { return catalog.empty() && problems() == repaired; }
};

class StoreCheck {
  public:
    virtual ~StoreCheck() = default;
    virtual Status step() = 0;  // with an error it is done: the disk refused
    virtual bool done() const = 0;
    virtual const CheckReport& report() const = 0;
};

}  // namespace kvasir
