// Names of what lies directly in a store's directory. block_kind.h and block_files.h name what lies in
// blocks/, snapshots/ and quarantine/.
#pragma once

#include <string>

namespace kvasir {

inline std::string catalog_path(const std::string& root) { return root + "/kvasir.db"; }
inline std::string catalog_log_path(const std::string& root) { return root + "/kvasir.db-wal"; }
inline std::string lock_path(const std::string& root) { return root + "/lock"; }
inline std::string reserve_path(const std::string& root) { return root + "/reserve"; }
inline std::string write_probe_path(const std::string& root) { return root + "/write-probe"; }
inline std::string quarantine_path(const std::string& root) { return root + "/quarantine"; }

}  // namespace kvasir
