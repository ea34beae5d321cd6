// The tables of the catalog and how a file of an older format becomes one of this format. docs/format.md
// explains them.
//
// Called by SqliteCatalog when it opens a connection, before anything else touches it.
#pragma once

#include "store/sqlite.h"

namespace kvasir {

inline constexpr std::int64_t kCatalogFormat = 6;                // PRAGMA user_version
inline constexpr std::int64_t kCatalogApplication = 0x4b565352;  // "KVSR", PRAGMA application_id

// Whether the connection's file is a catalog that this program can use. Reads only; a file of another
// program, of a newer format or damaged is kStoreUnusable and stays as it is.
Status check_catalog_identity(SqliteConnection& connection);

// Durability settings of the connection, then migrations, one transaction each.
Status prepare_catalog(SqliteConnection& connection);

}  // namespace kvasir
